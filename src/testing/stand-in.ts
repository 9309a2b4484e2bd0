import type { Clock } from '../clock.ts'
import type { Draft, Driver, State } from '../drivers/driver.ts'
import { memoryDriver } from '../drivers/memory.ts'
import { entryHead } from '../entry.ts'
import { CacheTroubleError } from '../errors.ts'
import { wirePacking } from '../packing.ts'
import { coalescedTier } from '../redis/coalesce.ts'
import { DEFERRED, Journal } from '../redis/journal.ts'
import type { openRedis, RedisOptions } from '../redis/open.ts'
import { Replay } from '../redis/replay.ts'
import type { StoreTier } from '../tier.ts'
import { awayError, type Faults, faultyDriver } from './faults.ts'

/** More than a test will store. */
const LIMITS = { maxItems: 1_000_000, maxBytes: 1024 ** 3, isolation: 'share' } as const
const LEASE_HEAD = entryHead('lease', '')

/**
 * Memory that stands in for a Redis: values are encoded as they are on the wire, each answer takes a turn, and what Redis
 * may do to a service it can be told to do.
 */
export class StandIn {
  readonly #faults: Faults = { down: false, full: false, slowMs: 0 }
  readonly #clock: Clock
  #memory: Driver | undefined
  /** By key, the ids of values that cannot be read. */
  readonly #corrupted = new Map<string, string>()
  #opened: Pick<RedisOptions, 'onState'> | undefined
  #reconnect = () => {}
  /** What is there, whatever is wrong with the way to it; `undefined` until it is first used. */
  inspected: StoreTier | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** In the place of the function that opens a Redis. */
  readonly open: typeof openRedis = (options) => {
    const { prefix, commandTimeoutMs, everything, onReplayed } = options
    const clock = this.#clock
    this.#memory = memoryDriver(LIMITS, clock, prefix)
    const journal = new Journal(everything, clock)
    const stored = this.#stored(this.#memory)
    const sent = faultyDriver(stored, { faults: this.#faults, clock, commandTimeoutMs })
    const replay = new Replay({ journal, clock, onReplayed, carryOut: (removal) => sent.invalidate(removal) })
    /** Leases whose ends did not get through, by their heads. */
    const left = new Map<string, string>()
    this.#opened = options
    this.#reconnect = () => {
      replay.wake()
      for (const [head, key] of left) void stored.retract(key, head)
      left.clear()
    }
    this.inspected = coalescedTier(journalled(stored, journal, replay, left))
    if (this.#faults.down) options.onState('failed', awayError())
    return coalescedTier(journalled(sent, journal, replay, left))
  }

  down(): void {
    if (this.#faults.down) return
    this.#faults.down = true
    this.#opened?.onState('lost', awayError())
  }

  /** Ends all that is wrong. */
  up(): void {
    const wasDown = this.#faults.down
    Object.assign(this.#faults, { down: false, full: false, slowMs: 0 })
    if (wasDown) this.#opened?.onState('ready')
    this.#reconnect()
  }

  slow(ms: number): void {
    this.#faults.slowMs = ms
  }

  full(): void {
    this.#faults.full = true
  }

  /** Whether there is a value to be spoilt. It stays unreadable until another takes its place. */
  corrupt(key: string): boolean {
    const state = this.#memory?.readNow?.(key)
    if (state?.kind !== 'value') return false
    this.#corrupted.set(key, state.header.id)
    return true
  }

  #stored(memory: Driver): Driver {
    const spoilt = (key: string, state: State): State =>
      state.kind === 'value' && this.#corrupted.get(key) === state.header.id
        ? { ...state, body: { ...state.body, data: undefined } }
        : state
    const { look } = memory
    return {
      ...memory,
      // Nothing is there at once: every answer takes a turn, and can fail.
      find: undefined,
      readNow: undefined,
      // What may be kept in memory only is then kept apart, as it is beside a Redis.
      name: 'redis',
      packing: wirePacking,
      readMany: async (keys) => (await memory.readMany(keys)).map((state, i) => spoilt(keys[i] as string, state)),
      look:
        look &&
        (async (key) => {
          const { state, ttlMs } = await look(key)
          return { state: spoilt(key, state), ttlMs }
        }),
    }
  }
}

/** What is still to be removed is not served, nor may a load of it be stored: as it is with a Redis. */
function journalled(driver: Driver, journal: Journal, replay: Replay, left: Map<string, string>): Driver {
  const orLeft = async <T>(key: string, head: string, command: Promise<T>): Promise<T> => {
    try {
      return await command
    } catch (error) {
      if (head.startsWith(LEASE_HEAD)) left.set(head, key)
      throw error
    }
  }
  return {
    ...driver,
    readMany: async (keys) =>
      (await driver.readMany(keys)).map((state, i) => (journal.covers(keys[i] as string) ? DEFERRED : state)),
    commit: async (key, head, draft) => !journal.covers(key) && orLeft(key, head, driver.commit(key, head, draft)),
    release: (key, token, passMs) => orLeft(key, entryHead('lease', token), driver.release(key, token, passMs)),
    put: (items) => driver.put(items).catch((error) => undo(items, error)),
    defer(removal) {
      journal.add(removal)
      replay.start()
    },
    async close() {
      replay.end()
      await journal.replay((removal) => driver.invalidate(removal)).catch(() => {})
      await driver.close()
      return journal.size
    },
  }

  /** What was sent and not answered may still come to stand there. */
  function undo(items: readonly { readonly key: string; readonly draft: Draft }[], error: unknown): never {
    if (error instanceof CacheTroubleError && error.code === 'TIMEOUT') {
      for (const { key } of items) journal.add({ key })
      replay.start()
    }
    throw error
  }
}
