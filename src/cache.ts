import { type ByHand, byHand } from './by-hand.ts'
import { type CachedFactory, cachedWith } from './cached.ts'
import { type CachedManyFactory, cachedManyWith } from './cached-many.ts'
import { must } from './checks.ts'
import { CoreLoader } from './core-loader.ts'
import {
  type CachedDecoratorFactory,
  type CachedManyDecoratorFactory,
  type CacheInvalidateDecoratorFactory,
  type CacheUpdateDecoratorFactory,
  cachedDecorators,
  invalidateDecorators,
  manyDecorators,
  updateDecorators,
} from './decorators.ts'
import type { SetOptions } from './direct.ts'
import type { CacheEngine, Core, Home, InvalidationRequest } from './engine.ts'
import { environment } from './environment.ts'
import { CacheTroubleError } from './errors.ts'
import { type CacheListener, type CacheStats, Events } from './events.ts'
import { firstCalls } from './first-calls.ts'
import { ofNamespace, ofTenant } from './home.ts'
import type {
  InvalidateOptions,
  InvalidateResult,
  InvalidateTagsResult,
  SweepOptions,
  TagArguments,
} from './invalidation.ts'
import type { KeyParts } from './key-plan.ts'
import { loadCore } from './load-core.ts'
import { logNotices } from './log.ts'
import { Names } from './names.ts'
import { type CacheOptions, resolveOptions } from './options.ts'
import { spaceNow } from './space-now.ts'
import type { Tenant } from './tenant.ts'
import type { NamespaceOptions } from './types.ts'

/** A cache of its own: one store, one prefix, its own events. */
export interface Cache extends ByHand {
  /** Wraps a function. */
  readonly cached: CachedFactory
  /** Wraps a function of many ids. */
  readonly cachedMany: CachedManyFactory
  /** Decorates a method. */
  readonly Cached: CachedDecoratorFactory
  /** Decorates a method of many ids. */
  readonly CachedMany: CachedManyDecoratorFactory
  /** Decorates a method that changes what others have stored. */
  readonly CacheInvalidate: CacheInvalidateDecoratorFactory
  /** Decorates a method whose result takes the place of what another has stored. */
  readonly CacheUpdate: CacheUpdateDecoratorFactory
  /**
   * Removes a key, or all keys that match a pattern (`*`, `?`, `[…]`), below this cache's prefix.
   * @throws CacheConfigError when the target names nothing, or for options that there are not; the reason of
   * `options.signal` when that ends it
   */
  invalidate(target: KeyParts, options?: SweepOptions): Promise<InvalidateResult>
  /**
   * Ends every entry that has one of the tags: one command for each tag, however many entries there are.
   * @throws CacheConfigError for what is no tag
   */
  invalidateTags(...tags: string[]): Promise<InvalidateTagsResult>
  invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<InvalidateTagsResult>
  /**
   * The stored value, or a counter's; `undefined` when there is none, the store is away, or in a `commitScope`.
   * @throws CacheConfigError for a bad key
   */
  get<T = unknown>(key: KeyParts): Promise<T | undefined>
  /** One value for each key, in order, in one read, and another for stamps of tags. @throws CacheConfigError for a bad key */
  getMany<T = unknown>(keys: readonly KeyParts[]): Promise<(T | undefined)[]>
  /** Stores a value; true when it is stored. @throws CacheConfigError for a bad key or ttl */
  set(key: KeyParts, value: unknown, options: SetOptions): Promise<boolean>
  /** Stores values; true when all are stored. @throws CacheConfigError for a bad key or ttl */
  setMany(items: readonly (readonly [KeyParts, unknown])[], options: SetOptions): Promise<boolean>
  /** Removes one key; true when it was there. In a `commitScope` false: by the commit. @throws CacheConfigError for a bad key */
  delete(key: KeyParts): Promise<boolean>
  /**
   * Adds to a counter, atomically. The ttl begins when the counter does and is not prolonged. The new value, or
   * `undefined` when the store is away.
   * @throws CacheConfigError for a bad key, amount or ttl
   */
  increment(key: KeyParts, by: number, options: Pick<SetOptions, 'ttl'>): Promise<number | undefined>
  /** {@link Cache.increment} downwards. */
  decrement(key: KeyParts, by: number, options: Pick<SetOptions, 'ttl'>): Promise<number | undefined>
  /**
   * This cache as one tenant has it, whichever is running: its keys, patterns and tags are that tenant's.
   * `tenant('acme').invalidate('*')` removes all that a tenant has. `false`: what belongs to nobody (`tenant: false` at a
   * function).
   * @throws CacheConfigError for what names nobody
   */
  tenant(tenant: Tenant | false): CachePart
  /**
   * A part of this cache with keys of its own, which `invalidate('*')` of the part removes, and no others. Its patterns
   * reach its own namespaces too, as those of this cache reach the part. The rest it shares: connection, copies, tags,
   * events and stats.
   * @param defaults - for the functions that are declared on it, over those of this cache; and a `version` of all of it
   * @throws CacheConfigError for a bad name or bad defaults
   *
   * @example
   * ```ts
   * import { createCache } from 'cachewell'
   *
   * const cache = createCache({ url: 'memory:', defaults: { jitter: 0.1 } })
   * const billing = cache.namespace('billing', { staleIfError: '1h' })
   * export const invoice = billing.cached(async (id: number) => ({ id }), { key: 'invoice', ttl: '5m' })
   * await billing.invalidate('*')
   * ```
   */
  namespace(name: string, defaults?: NamespaceOptions): CachePart
  stats(): CacheStats
  /**
   * For who has to read what others have written: when it has resolved, this process is not served near copies of what had
   * been changed, by anybody, when it was called. It takes one round trip; without a near cache there is nothing to do.
   */
  barrier(): Promise<void>
  /** Calls the listener with every event; returns a function that ends it. */
  on(listener: CacheListener): () => void
  /** Finishes stores that are under way and closes the connection, in at most two seconds. Later calls are not cached. */
  close(): Promise<void>
}

/** A cache as a tenant or a namespace has it: it is closed with the whole. */
export type CachePart = Omit<Cache, 'close'>

/**
 * Makes an independent cache. Nothing is opened before its first use.
 *
 * @throws CacheConfigError when the options make no sense
 *
 * @example
 * ```ts
 * import { createCache } from 'cachewell'
 *
 * const cache = createCache({ url: 'memory:', prefix: 'shop' })
 * export const price = cache.cached(async (sku: string) => ({ sku, cents: 995 }), { key: 'price', ttl: '1m' })
 * ```
 */
export function createCache(options: CacheOptions = {}): Cache {
  const engine = createEngine(options)
  return cacheOver({ names: new Names(), engine: () => engine, settled: true })
}

/**
 * With `makeCore`, which it loads at the first call, the only place that puts the parts together.
 *
 * @param load - what the core comes from: a cache for tests has another store below it
 * @param place - what the options were given to, for errors
 */
export function createEngine(given: CacheOptions, load = loadCore, place?: string): CacheEngine {
  const options = resolveOptions(given, environment(), place)
  const { clock, logger } = options
  let core: Core | undefined
  let log = logger ? logNotices(logger) : undefined
  const events = new Events(logger ? (event) => log?.(event) : undefined)
  const requests: InvalidationRequest[] = []
  let closed = false
  const loader = new CoreLoader(
    async () => {
      const loaded = await load(options, events)
      log = loaded.log
      engine.settle = loaded.settle
      await loaded.takeOver(requests.splice(0))
      if (closed) await loaded.close()
      const { path, direct, invalidation } = loaded
      Object.assign(engine, { path, direct, invalidation })
      core = loaded
      return loaded
    },
    events,
    clock,
  )
  const engine: CacheEngine = {
    common: options,
    ...firstCalls(loader, events, requests),
    events,
    warm: (...given) => loader.use((core) => core.warm(...given), unloaded),
    explain: (...given) => loader.use((core) => core.explain(...given), unloaded),
    stats: () => ({ ...events.stats(), near: core?.near()?.stats() }),
    barrier: async () => core?.near()?.barrier(),
    async close() {
      await loader.loaded
      closed = true
      const undelivered = core ? await core.close() : requests.splice(0).length
      if (undelivered === 0) return
      const message = `closed with ${undelivered} invalidations that could not be carried out`
      events.emit({ type: 'notice', code: 'undelivered', level: 'error', name: 'cache', message })
    },
  }
  return engine
}

function unloaded(): never {
  throw new CacheTroubleError('UNLOADED', 'the part of this package that caches cannot be loaded')
}

export function cacheOver(home: Home): Cache {
  return { ...partOver(home), close: () => home.engine().close() }
}

function partOver(home: Home): CachePart {
  const engine = () => home.engine()
  const here = () => spaceNow(home)
  return {
    ...byHand(home),
    cached: cachedWith(home),
    cachedMany: cachedManyWith(home),
    Cached: cachedDecorators(home),
    CachedMany: manyDecorators(home),
    CacheInvalidate: invalidateDecorators(home),
    CacheUpdate: updateDecorators(home),
    invalidate: (target, options) => engine().invalidation.invalidate(here(), target, options),
    invalidateTags: (...given: TagArguments) => engine().invalidation.invalidateTags(here(), ...given),
    get: (key) => engine().direct.get(here(), key) as Promise<never>,
    getMany: (keys) => engine().direct.getMany(here(), keys) as Promise<never>,
    set: (key, value, options) => engine().direct.set(here(), key, value, options),
    setMany: (items, options) => engine().direct.setMany(here(), items, options),
    delete: async (key) => (await engine().invalidation.removeOne(here(), key)).removed > 0,
    increment: (key, by, options) => engine().direct.increment(here(), key, by, options),
    // A minus would make a number of what is none.
    decrement: (key, by, options) => engine().direct.increment(here(), key, typeof by === 'number' ? -by : by, options),
    tenant: (tenant) => partOver(ofTenant(home, tenant)),
    namespace: (name, defaults) => partOver(ofNamespace(home, name, defaults)),
    stats: () => engine().stats(),
    barrier: () => engine().barrier(),
    on(listener) {
      must(typeof listener === 'function', 'on takes one function, as in on((event) => console.log(event.type))')
      return engine().events.on(listener)
    },
  }
}
