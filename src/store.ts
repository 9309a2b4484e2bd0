import type { Backlog } from './backlog.ts'
import type { Clock } from './clock.ts'
import { sleep, withDeadline } from './deadline.ts'
import type { Driver, State } from './drivers/driver.ts'
import { memoryDriver } from './drivers/memory.ts'
import { closedDriver, nullDriver, type UnknownDriver, unknownDriver } from './drivers/null.ts'
import { environment } from './environment.ts'
import { CacheTroubleError } from './errors.ts'
import type { Events, NoticeEvent } from './events.ts'
import { everythingOf } from './glob.ts'
import type { Guard } from './guard.ts'
import { isInLoad } from './inside-load.ts'
import type { ResolvedOptions } from './options.ts'
import type { TierChoice } from './policy.ts'
import type { RedisClient } from './redis/client.ts'
import type { openRedis } from './redis/open.ts'
import { parseStoreUrl, type StoreUrl } from './store-url.ts'
import type { Near, StoreTier } from './tier.ts'

/** How long calls wait, at most, until the store is known: a `url` function can take long, or a busy start. */
const KNOWN_WITHIN_MS = 500
const RETRY_MS = 1_000

/** Where to store, as the options and the environment name it. */
type Source = StoreUrl | { readonly store: 'client'; readonly client: RedisClient }

/** Finds out where to store at the first call, and opens it. Nothing connects, or imports a client, before that. */
export class Store {
  readonly #options: ResolvedOptions
  readonly #events: Events
  readonly #guard: Guard
  readonly #unknown: UnknownDriver
  readonly #openRedis: typeof openRedis
  /** The null driver where caching is off; when the cache is closed, one that keeps nothing, either. */
  #main: StoreTier
  #memory: StoreTier | undefined
  /** Known, also when what is known is that caching is off. */
  #known = false
  #opening: Promise<void> | undefined
  /** What callers wait for meanwhile: gone when it took too long. */
  #wait: Promise<void> | undefined
  #closed = false

  /**
   * @param backlog - removals that were asked for before there was a store
   */
  constructor(options: ResolvedOptions, events: Events, guard: Guard, backlog: Backlog, open: typeof openRedis) {
    this.#openRedis = open
    this.#options = options
    this.#events = events
    this.#guard = guard
    this.#unknown = unknownDriver(backlog)
    this.#main = inProcess(this.#unknown)
  }

  /** A promise only until the store is known, and not for longer than callers may wait. */
  tierOf(choice: TierChoice): StoreTier | Promise<StoreTier> {
    if (this.#known) return this.#choose(choice)
    if (this.#opening === undefined) {
      this.#opening = this.#open()
      this.#wait = this.#waitAtMost(this.#opening, this.#options.clock)
    }
    return this.#wait?.then(() => this.#choose(choice)) ?? this.#choose(choice)
  }

  /** Every tier that may hold something, the nearest first. */
  async tiers(): Promise<StoreTier[]> {
    const main = await this.tierOf('auto')
    return this.#memory ? [this.#memory, main] : [main]
  }

  /** What is kept in this process of what Redis has; `undefined` before it is open, and where nothing is. */
  get near(): Near | undefined {
    return this.#main.near
  }

  /** The number of invalidations that could not be carried out. */
  async close(): Promise<number> {
    if (this.#closed) return 0
    this.#closed = this.#known = true
    const [main, memory] = [this.#main, this.#memory]
    const isGone = main.driver.name === 'memory' || (main.driver.name === 'null' && main.driver !== this.#unknown)
    this.#main = inProcess(isGone ? nullDriver() : closedDriver(() => this.#tooLate()))
    this.#memory = undefined
    await memory?.driver.close()
    return main.driver.close()
  }

  #tooLate(): void {
    this.#notice(
      'undelivered',
      'error',
      'what was to be invalidated after close() stays in Redis until its ttl has passed',
    )
  }

  #choose(choice: TierChoice): StoreTier {
    if (choice === 'redis') return this.#main.uncopied ?? this.#main
    if (choice !== 'memory' || this.#main.driver.name !== 'redis') return this.#main
    this.#memory ??= inProcess(memoryDriver(this.#options.memory, this.#options.clock, this.#options.prefix))
    return this.#memory
  }

  async #waitAtMost(opening: Promise<void>, clock: Clock): Promise<void> {
    await withDeadline(opening, KNOWN_WITHIN_MS, 'the url function', clock).catch(() => {})
    this.#wait = undefined
  }

  async #open(): Promise<void> {
    const tier = await this.#guard('open', 'cache', async () => this.#tierFor(await this.#source()))
    if (this.#closed) return
    if (tier instanceof CacheTroubleError) {
      void this.#retryLater()
      return
    }
    this.#unknown.handOver(tier.driver)
    this.#main = tier
    this.#known = true
  }

  /** A `url` function that failed is asked again, but not by every call. */
  async #retryLater(): Promise<void> {
    await sleep(RETRY_MS, this.#options.clock)
    this.#opening = undefined
  }

  async #source(): Promise<Source> {
    const { url, client } = this.#options
    if (client) return { store: 'client', client }
    if (typeof url === 'string') return this.#parse(url, 'url')
    if (url) return this.#parse(await url(), 'what the url function returned')
    const { CACHE_URL, REDIS_URL } = environment()
    if (CACHE_URL) return this.#parse(CACHE_URL, 'CACHE_URL')
    if (REDIS_URL) return this.#parse(REDIS_URL, 'REDIS_URL')
    return this.#off(
      "set CACHE_URL or REDIS_URL ('redis://…', 'rediss://…', 'memory:'), or the option url, to switch it on",
    )
  }

  #parse(url: string | undefined, from: string): StoreUrl {
    return url ? parseStoreUrl(url, from) : this.#off(`${from} is empty`)
  }

  #off(why: string): StoreUrl {
    this.#notice('caching-off', 'info', `caching is off: ${why}`)
    return { store: 'null' }
  }

  async #tierFor(source: Source): Promise<StoreTier> {
    const { clock, prefix, prefixIsDefault, near, memory, ...options } = this.#options
    if (source.store === 'null') return inProcess(nullDriver())
    if (source.store === 'memory') return inProcess(memoryDriver(memory, clock, prefix))
    if (prefixIsDefault && environment().NODE_ENV === 'production') {
      const risk = `every application that sets none shares '${prefix}' in this Redis`
      this.#notice('no-prefix', 'warn', `no prefix is set, and ${risk}: set CACHE_PREFIX or the option prefix`)
    }
    return this.#openRedis({
      ...options,
      clock,
      prefix,
      near: near && { limits: near, isolation: memory.isolation, isInLoad },
      place: source,
      everything: [everythingOf(prefix)],
      onUnsupported: (error) => {
        const copies = near ? ', and near copies are kept for maxStaleness only' : ''
        const message = `Redis tells no changes, so callers that wait look again${copies}: ${error.message}`
        this.#notice('polling', 'info', message)
      },
      onReplayed: (count) => this.#events.emit({ type: 'replay', count }),
      onState: (state, error) => this.#events.emit({ type: 'connection', state, error }),
    })
  }

  #notice(code: NoticeEvent['code'], level: NoticeEvent['level'], message: string): void {
    this.#events.emit({ type: 'notice', code, level, name: 'cache', message })
  }
}

function inProcess(driver: Driver): StoreTier {
  const read = async (key: string): Promise<State> => {
    try {
      return (await driver.readMany([key]))[0] as State
    } catch (error) {
      return { kind: 'error', error: error as Error }
    }
  }
  return {
    driver,
    read,
    join: (key) => ({ promise: read(key), gathering: undefined }),
    flights: new Map(),
    renewing: new Set(),
  }
}
