import type { Clock } from '../clock.ts'
import { coarse } from '../coarse-clock.ts'
import { type EntryHeader, entryHead, newId } from '../entry.ts'
import { CacheTroubleError } from '../errors.ts'
import { matches } from '../glob.ts'
import type { Isolation } from '../isolation.ts'
import { livePacking } from '../packing.ts'
import { newStamp, stampTtl } from '../stamps.ts'
import { Watchers } from '../watch.ts'
import type { Acquired, Body, Draft, Driver, InvalidationMode, LeaseRequest, State } from './driver.ts'
import { placesBelow } from './places.ts'
import { Sieve, Sieved } from './sieve.ts'

export interface MemoryLimits {
  readonly maxItems: number
  readonly maxBytes: number
  readonly isolation: Isolation
}

type Kept = Exclude<State, { kind: 'absent' | 'error' | 'foreign' }>

/**
 * What stands at one key. A plain hit looks here and no further: among many keys, what costs is memory that is not at hand.
 * Times are whole milliseconds since the driver was made, small enough not to be objects of their own.
 */
class Slot extends Sieved {
  /** Of a value without tags: all that a plain hit needs. */
  readonly plain: Body | undefined
  readonly version: string | undefined
  readonly freshUntil: number

  constructor(
    readonly state: Kept,
    readonly expiresAt: number,
    epoch: number,
  ) {
    super()
    const value =
      state.kind === 'value' && !state.header.expired && state.header.stamps.length === 0 ? state : undefined
    this.plain = value?.body
    this.version = value?.header.version
    this.freshUntil = value ? Math.floor(value.header.softExpiresAt - epoch) : 0
  }
}

const ABSENT: State = Object.freeze({ kind: 'absent' })
/** What an entry takes beside its value: slot, header, map node. */
const OVERHEAD = 300
/** So many keys are looked at in one turn of the loop, by a pattern. */
const SCAN_BATCH = 1_000

/** Entries in this process, bounded by number and bytes, with the same rules of coherence as Redis. */
export function memoryDriver(limits: MemoryLimits, clock: Clock, prefix: string): Driver {
  const watchers = new Watchers()
  const slots = new Sieve<Slot>(limits.maxItems, limits.maxBytes)
  // Wall time when we began, monotonic since: a clock that is set back or forth neither revives nor kills entries.
  const began = clock.now()
  const epoch = clock.wall()
  const elapsed = () => clock.now() - began
  const time = () => epoch + elapsed()
  const roughly = coarse(clock)

  const { of: place, keyAt } = placesBelow(prefix)

  const read = (key: string): State => {
    const slot = slots.get(place(key))
    if (slot === undefined) return ABSENT
    if (slot.expiresAt > elapsed()) return slot.state
    slots.delete(place(key))
    return ABSENT
  }
  const write = (key: string, state: Kept, ttlMs: number, size = 0) => {
    watchers.changed(key)
    const slot = new Slot(state, Math.floor(elapsed() + ttlMs), epoch)
    return slots.set(place(key), slot, size + OVERHEAD + 2 * key.length)
  }
  /** How long what stands there is kept, in ms. */
  const ttlOf = (key: string): number | undefined => {
    const expiresAt = slots.get(place(key))?.expiresAt
    return expiresAt === undefined ? undefined : expiresAt - elapsed()
  }
  const forget = (key: string) => {
    watchers.changed(key)
    slots.delete(place(key))
  }
  const store = (key: string, { id, body, ttlMs, keepMs, loadMs, version, stamps }: Draft) => {
    const header = makeHeader('value', id, time(), ttlMs, { loadMs, encoding: body.encoding, version, stamps, keepMs })
    return write(key, { kind: 'value', header, body }, keepMs, body.size)
  }
  /** False where there is nothing to fall back on. */
  const expire = (key: string): boolean => {
    const state = read(key)
    if (state.kind !== 'value' || state.header.softExpiresAt === state.header.hardExpiresAt) return false
    const { header, body } = state
    const softExpiresAt = Math.min(header.softExpiresAt, time())
    const expired = { ...header, id: newId(), softExpiresAt, expired: true }
    return write(key, { kind: 'value', header: expired, body }, header.hardExpiresAt - time(), body.size)
  }
  const holds = (key: string, head: string): boolean => {
    const state = read(key)
    return 'header' in state && entryHead(state.header.kind, state.header.id) === head
  }
  /** What is there now; others come to their turn in between. What comes meanwhile began after whoever asks. */
  async function* scan(glob: string, looked?: (keys: number) => void): AsyncGenerator<readonly string[]> {
    const places = [...slots.keys()]
    for (let i = 0; i < places.length; i += SCAN_BATCH) {
      if (i > 0) await new Promise<void>((resolve) => clock.setImmediate(resolve))
      const batch = places.slice(i, i + SCAN_BATCH).map(keyAt)
      looked?.(batch.length)
      yield batch.filter((key) => matches(glob, key))
    }
  }
  const remove = (keys: readonly string[], mode: InvalidationMode | undefined) => {
    let removed = 0
    for (const key of keys) {
      if (read(key).kind !== 'absent') removed++
      if (mode !== 'expire' || !expire(key)) forget(key)
    }
    return removed
  }
  const restamp = (key: string, mode: InvalidationMode | undefined) => {
    const state = read(key)
    const before = mode === 'expire' && state.kind === 'stamp' ? state.stamp : undefined
    write(key, { kind: 'stamp', stamp: newStamp(time(), before) }, stampTtl(0))
  }

  return {
    name: 'memory',
    packing: livePacking(limits.isolation),
    time,
    readNow: read,

    find(shownKey, version) {
      const slot = slots.get(shownKey)
      return slot?.version === version && slot.freshUntil > roughly() - began ? slot.plain : undefined
    },

    look: async (key) => ({ state: read(key), ttlMs: ttlOf(key) }),

    readMany: async (keys) => keys.map(read),

    async acquire(key: string, { token, leaseMs, over }: LeaseRequest): Promise<Acquired> {
      const state = read(key)
      if (state.kind === 'counter') return 'foreign'
      if (state.kind === 'lease') return 'leased'
      if (state.kind === 'value' && !(over && holds(key, over))) return 'value'
      const header = makeHeader('lease', token, time(), leaseMs, { optimistic: state.kind === 'pass' })
      write(key, { kind: 'lease', header }, leaseMs)
      return 'granted'
    },

    async commit(key, head, draft) {
      if (!holds(key, head)) return false
      store(key, draft)
      return true
    },

    async renew(key, token, leaseMs) {
      const slot = slots.get(place(key))
      if (!slot || !holds(key, entryHead('lease', token))) return false
      write(key, slot.state, leaseMs)
      return true
    },

    async release(key, token, passMs) {
      if (!holds(key, entryHead('lease', token))) return false
      if (passMs === undefined) forget(key)
      else write(key, { kind: 'pass', header: makeHeader('pass', token, time(), passMs, {}) }, passMs)
      return true
    },

    async put(items) {
      return items.filter(({ key, draft }) => store(key, draft)).length
    },

    async invalidate(removal, sweep) {
      const { mode } = removal
      if ('key' in removal) return remove([removal.key], mode)
      let removed = 0
      if ('stamp' in removal) restamp(removal.stamp, mode)
      else
        for await (const keys of scan(removal.glob, (count) => sweep?.looked(count))) {
          if (sweep?.stopped) break
          const count = remove(keys, mode)
          removed += count
          sweep?.found(keys.length, count)
        }
      return removed
    },

    remove: async (keys, mode) => remove(keys, mode),

    async retract(key, head) {
      if (!holds(key, head)) return false
      forget(key)
      return true
    },

    scan,

    async increment(key, by, ttlMs) {
      const state = read(key)
      if (state.kind !== 'absent' && state.kind !== 'counter') {
        throw new CacheTroubleError('WRONGTYPE', 'the key holds a cached value, not a counter', true)
      }
      const value = (state.kind === 'counter' ? state.value : 0) + by
      write(key, { kind: 'counter', value }, ttlOf(key) ?? ttlMs)
      return value
    },

    async stamps(keys, ttlMs) {
      return keys.map((key) => {
        const state = read(key)
        const stamp = state.kind === 'stamp' ? state.stamp : newStamp(time())
        write(key, { kind: 'stamp', stamp }, Math.max(ttlOf(key) ?? 0, ttlMs))
        return { ...stamp, made: state.kind !== 'stamp', now: time() }
      })
    },

    restamp: async (key, mode) => restamp(key, mode),

    async elect(key, token, ms) {
      const state = read(key)
      if (state.kind === 'lease') return 'busy'
      if (state.kind === 'pass') return 'failed'
      write(key, { kind: 'lease', header: makeHeader('lease', token, time(), ms, {}) }, ms)
      return 'elected'
    },

    async resign(key, token, pauseMs) {
      if (!holds(key, entryHead('lease', token))) return
      if (pauseMs === undefined) forget(key)
      else write(key, { kind: 'pass', header: makeHeader('pass', token, time(), pauseMs, {}) }, pauseMs)
    },

    watch: (key) => watchers.watch(key),

    // In memory nothing can fail to be removed.
    defer() {},

    async close() {
      slots.clear()
      return 0
    },
  }
}

function makeHeader(
  kind: EntryHeader['kind'],
  id: string,
  now: number,
  ttlMs: number,
  rest: {
    loadMs?: number
    encoding?: EntryHeader['encoding']
    optimistic?: boolean
    version?: string
    stamps?: EntryHeader['stamps']
    keepMs?: number
  },
): EntryHeader {
  return {
    kind,
    id,
    createdAt: now,
    softExpiresAt: now + ttlMs,
    hardExpiresAt: now + (rest.keepMs ?? ttlMs),
    loadMs: rest.loadMs ?? 0,
    encoding: rest.encoding ?? 'json',
    optimistic: rest.optimistic ?? false,
    expired: false,
    version: rest.version ?? '',
    stamps: rest.stamps ?? [],
  }
}
