import type { Clock } from '../clock.ts'
import { coarse } from '../coarse-clock.ts'
import { type EntryHeader, entryHead, newId } from '../entry.ts'
import { CacheTroubleError } from '../errors.ts'
import { matches } from '../glob.ts'
import type { Isolation } from '../isolation.ts'
import { livePacking } from '../packing.ts'
import { newStamp, stampTtl } from '../stamps.ts'
import { TooLargeError } from '../storable.ts'
import { Watchers } from '../watch.ts'
import type { Acquired, Body, Draft, Driver, InvalidationMode, LeaseRequest, State, Value } from './driver.ts'
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
abstract class Slot extends Sieved {
  /**
   * @param expiresAt - the hard expiry
   * @param plainVersion - of a value without tags, for a plain hit; else undefined, which is nobody's
   */
  constructor(
    readonly expiresAt: number,
    readonly softExpiresAt: number,
    readonly plainVersion: string | undefined,
  ) {
    super()
  }

  /** @param epoch - when the driver was made, in ms since 1970 */
  abstract state(epoch: number): Kept
}

/** A value with its header and its body in one object, since there may be very many of them. */
class Entry extends Slot implements Body {
  readonly id: string
  readonly encoding: Body['encoding']
  readonly data: unknown
  readonly size: number
  readonly version: string
  readonly loadMs: number
  readonly stamps: EntryHeader['stamps']

  constructor(
    { id, body, loadMs, version, stamps }: Pick<Draft, 'id' | 'body' | 'loadMs' | 'version' | 'stamps'>,
    readonly createdAt: number,
    softExpiresAt: number,
    hardExpiresAt: number,
    readonly expired = false,
  ) {
    super(hardExpiresAt, softExpiresAt, expired || stamps.length > 0 ? undefined : version)
    this.id = id
    this.version = version
    this.encoding = body.encoding
    this.data = body.data
    this.size = body.size
    this.loadMs = Math.ceil(loadMs)
    this.stamps = stamps.length > 0 ? stamps : NO_STAMPS
  }

  state(epoch: number): Value {
    const { id, encoding, loadMs, expired, stamps, version } = this
    const header: EntryHeader = {
      ...{ kind: 'value', id, encoding, loadMs, optimistic: false, expired, version, stamps },
      createdAt: epoch + this.createdAt,
      softExpiresAt: epoch + this.softExpiresAt,
      hardExpiresAt: epoch + this.expiresAt,
    }
    return { kind: 'value', header, body: this }
  }
}

/** Anything else. */
class Mark extends Slot {
  constructor(
    readonly kept: Exclude<Kept, Value>,
    expiresAt: number,
  ) {
    super(expiresAt, expiresAt, undefined)
  }

  state(): Kept {
    return this.kept
  }
}

const NO_STAMPS: EntryHeader['stamps'] = Object.freeze([])
const ABSENT: State = Object.freeze({ kind: 'absent' })
/** What an entry takes beside its value: slot, id, map node. */
const OVERHEAD = 300
/** So many keys are looked at in one turn of the loop, by a pattern. */
const SCAN_BATCH = 1_000

/** Entries in this process, bounded by number and bytes, with the same rules of coherence as Redis. */
export function memoryDriver(limits: MemoryLimits, clock: Clock, prefix: string): Driver {
  const watchers = new Watchers()
  const packing = livePacking(limits.isolation)
  const slots = new Sieve<Slot>(limits.maxItems, limits.maxBytes)
  // Wall time when we began, monotonic since: a clock that is set back or forth neither revives nor kills entries.
  const began = clock.now()
  const epoch = clock.wall()
  const elapsed = () => clock.now() - began
  const time = () => epoch + elapsed()
  const roughly = coarse(clock)

  const { of: place, keyAt } = placesBelow(prefix)

  const slotAt = (key: string): Slot | undefined => {
    const slot = slots.get(place(key))
    if (slot === undefined || slot.expiresAt > elapsed()) return slot
    slots.delete(place(key))
    return undefined
  }
  const read = (key: string): State => slotAt(key)?.state(epoch) ?? ABSENT
  const keep = (key: string, slot: Slot, size = 0) => {
    watchers.changed(key)
    return slots.set(place(key), slot, size + OVERHEAD + 2 * key.length)
  }
  const mark = (key: string, kept: Mark['kept'], ttlMs: number) =>
    keep(key, new Mark(kept, Math.floor(elapsed() + ttlMs)))
  /** How long what stands there is kept, in ms. */
  const ttlOf = (key: string): number | undefined => {
    const expiresAt = slots.get(place(key))?.expiresAt
    return expiresAt === undefined ? undefined : expiresAt - elapsed()
  }
  const forget = (key: string) => {
    watchers.changed(key)
    slots.delete(place(key))
  }
  const store = (key: string, draft: Draft) => {
    const now = elapsed()
    const [softExpiresAt, hardExpiresAt] = [Math.floor(now + draft.ttlMs), Math.floor(now + draft.keepMs)]
    return keep(key, new Entry(draft, Math.floor(now), softExpiresAt, hardExpiresAt), draft.body.size)
  }
  /** False where there is nothing to fall back on. */
  const expire = (key: string): boolean => {
    const slot = slotAt(key)
    if (!(slot instanceof Entry) || slot.softExpiresAt === slot.expiresAt) return false
    const { loadMs, version, stamps, size } = slot
    const draft = { id: newId(), body: slot, loadMs, version, stamps }
    const softExpiresAt = Math.min(slot.softExpiresAt, Math.floor(elapsed()))
    return keep(key, new Entry(draft, slot.createdAt, softExpiresAt, slot.expiresAt, true), size)
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
      if (slotAt(key)) removed++
      if (mode !== 'expire' || !expire(key)) forget(key)
    }
    return removed
  }
  const restamp = (key: string, mode: InvalidationMode | undefined) => {
    const state = read(key)
    const before = mode === 'expire' && state.kind === 'stamp' ? state.stamp : undefined
    mark(key, { kind: 'stamp', stamp: newStamp(time(), before) }, stampTtl(0))
  }

  return {
    name: 'memory',
    packing: {
      ...packing,
      pack(value, rules) {
        const body = packing.pack(value, rules)
        if (body.size + OVERHEAD > limits.maxBytes) throw new TooLargeError(limits.maxBytes, 'memory.maxBytes')
        return body
      },
    },
    time,
    readNow: read,

    find(shownKey, version) {
      const slot = slots.get(shownKey)
      return slot?.plainVersion === version && slot.softExpiresAt > roughly() - began ? (slot as Entry) : undefined
    },

    look: async (key) => ({ state: read(key), ttlMs: ttlOf(key) }),

    readMany: async (keys) => keys.map(read),

    async acquire(key: string, { token, leaseMs, over }: LeaseRequest): Promise<Acquired> {
      const state = read(key)
      if (state.kind === 'counter') return 'foreign'
      if (state.kind === 'lease') return 'leased'
      if (state.kind === 'value' && !(over && holds(key, over))) return 'value'
      const header = markHeader('lease', token, time(), leaseMs, state.kind === 'pass')
      mark(key, { kind: 'lease', header }, leaseMs)
      return 'granted'
    },

    async commit(key, head, draft) {
      return holds(key, head) && store(key, draft)
    },

    async renew(key, token, leaseMs) {
      const slot = slots.get(place(key))
      if (!slot || !holds(key, entryHead('lease', token))) return false
      mark(key, (slot as Mark).kept, leaseMs)
      return true
    },

    async release(key, token, passMs) {
      if (!holds(key, entryHead('lease', token))) return false
      if (passMs === undefined) forget(key)
      else mark(key, { kind: 'pass', header: markHeader('pass', token, time(), passMs) }, passMs)
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
      mark(key, { kind: 'counter', value }, ttlOf(key) ?? ttlMs)
      return value
    },

    async stamps(keys, ttlMs) {
      return keys.map((key) => {
        const state = read(key)
        const stamp = state.kind === 'stamp' ? state.stamp : newStamp(time())
        mark(key, { kind: 'stamp', stamp }, Math.max(ttlOf(key) ?? 0, ttlMs))
        return { ...stamp, made: state.kind !== 'stamp', now: time() }
      })
    },

    restamp: async (key, mode) => restamp(key, mode),

    async elect(key, token, ms) {
      const state = read(key)
      if (state.kind === 'lease') return 'busy'
      if (state.kind === 'pass') return 'failed'
      mark(key, { kind: 'lease', header: markHeader('lease', token, time(), ms) }, ms)
      return 'elected'
    },

    async resign(key, token, pauseMs) {
      if (!holds(key, entryHead('lease', token))) return
      if (pauseMs === undefined) forget(key)
      else mark(key, { kind: 'pass', header: markHeader('pass', token, time(), pauseMs) }, pauseMs)
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

function markHeader(kind: 'lease' | 'pass', id: string, now: number, ttlMs: number, optimistic = false): EntryHeader {
  return {
    ...{ kind, id, createdAt: now, softExpiresAt: now + ttlMs, hardExpiresAt: now + ttlMs, loadMs: 0 },
    ...{ encoding: 'json', optimistic, expired: false, version: '', stamps: [] },
  }
}
