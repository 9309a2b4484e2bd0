import type { Cache } from './cache.ts'
import type { CachedFactory } from './cached.ts'
import type { CachedManyFactory } from './cached-many.ts'
import { defaultCache } from './configure.ts'
import type {
  CachedDecoratorFactory,
  CachedManyDecoratorFactory,
  CacheInvalidateDecoratorFactory,
  CacheUpdateDecoratorFactory,
} from './decorators.ts'
import type {
  InvalidateOptions,
  InvalidateResult,
  InvalidateTagsResult,
  SweepOptions,
  TagArguments,
} from './invalidation.ts'
import type { KeyParts } from './key-plan.ts'

/**
 * Keeps the results of a method in the default cache. For methods that return a promise, under TC39 decorators and
 * under `experimentalDecorators` alike.
 *
 * @throws CacheConfigError where the class is made, when the options make no sense
 *
 * @example
 * ```ts
 * import { Cached } from 'cachewell'
 *
 * export class Dashboard {
 *   @Cached({ key: 'dashboard:stats', ttl: '5m' })
 *   async stats(date: string, days: number) {
 *     return { date, days, sales: 17 }
 *   }
 * }
 * ```
 */
export const Cached: CachedDecoratorFactory = defaultCache.Cached

/**
 * Removes entries of the default cache when a method has succeeded, before its caller goes on. What goes wrong with
 * that does not reach the caller.
 *
 * @throws CacheConfigError where the class is made, when the options make no sense
 *
 * @example
 * ```ts
 * import { CacheInvalidate } from 'cachewell'
 *
 * export class Sales {
 *   @CacheInvalidate({ pattern: 'dashboard:*' })
 *   async record(amount: number) {
 *     return amount
 *   }
 * }
 * ```
 */
export const CacheInvalidate: CacheInvalidateDecoratorFactory = defaultCache.CacheInvalidate

/**
 * Stores the result of a method in the place of an entry of the default cache, as if the function to which that entry
 * belongs had returned it.
 *
 * @throws CacheConfigError where the class is made, when the options make no sense
 *
 * @example
 * ```ts
 * import { Cached, CacheUpdate } from 'cachewell'
 *
 * export class Users {
 *   @Cached({ key: 'user', ttl: '10m' })
 *   async find(id: number) {
 *     return { id, name: 'unchanged' }
 *   }
 *
 *   @CacheUpdate({ key: 'user:{0}', ttl: '10m' })
 *   async rename(id: number, name: string) {
 *     return { id, name }
 *   }
 * }
 * ```
 */
export const CacheUpdate: CacheUpdateDecoratorFactory = defaultCache.CacheUpdate

/** {@inheritDoc CachedFactory} */
export const cached: CachedFactory = defaultCache.cached

/** {@inheritDoc CachedManyFactory} */
export const cachedMany: CachedManyFactory = defaultCache.cachedMany

/**
 * Keeps the results of a method of many ids in the default cache, each id's under a key of its own; the method is called
 * with just the ids that are missing, and returns an array in their order. See {@link cachedMany}.
 *
 * @throws CacheConfigError where the class is made, when the options make no sense
 *
 * @example
 * ```ts
 * import { CachedMany } from 'cachewell'
 *
 * export class Users {
 *   @CachedMany({ key: 'user', ttl: '10m' })
 *   async find(ids: readonly string[]) {
 *     return ids.map((id) => ({ id, name: `user ${id}` }))
 *   }
 * }
 * ```
 */
export const CachedMany: CachedManyDecoratorFactory = defaultCache.CachedMany

/**
 * Removes a key, or all keys that match a pattern, from the default cache.
 *
 * @param target - a key (`'user:1'`, or an array of parts), or a pattern (`'user:*'`); put data into a pattern with
 * {@link pattern}
 * @param options - `{ mode: 'expire' }` keeps the values for `staleIfError`; a pattern also takes `onProgress`, `signal`
 * and `dryRun`
 * @throws CacheConfigError when the target names nothing, or for options that there are not; the reason of
 * `options.signal` when that ends it
 *
 * @example
 * ```ts
 * import { invalidate, pattern } from 'cachewell'
 *
 * await invalidate(['user', 42])
 * await invalidate(pattern`orders:${42}:*`, { mode: 'expire' })
 * ```
 */
export function invalidate(target: KeyParts, options?: SweepOptions): Promise<InvalidateResult> {
  return defaultCache.invalidate(target, options)
}

/**
 * Removes all that is stored of a cached function or a decorated method, from the cache in which it was declared.
 * {@link Cache.invalidateAll} says more.
 *
 * @throws CacheConfigError for what is not cached, and where nothing tells how its keys begin
 *
 * @example
 * ```ts
 * import { Cached, invalidateAll } from 'cachewell'
 *
 * class Dashboard {
 *   @Cached({ key: 'dashboard:stats', ttl: '5m' })
 *   async stats(days: number) {
 *     return { days, sales: 17 }
 *   }
 * }
 *
 * await invalidateAll(Dashboard.prototype.stats)
 * ```
 */
export const invalidateAll: Cache['invalidateAll'] = defaultCache.invalidateAll

/**
 * Calls a cached function, or a decorated method, for each list of arguments of which nothing fresh is stored, some at a
 * time. {@link Cache.warm} says more.
 *
 * @throws CacheConfigError for what is not cached, for a method without `self`, and for bad options; `signal`'s reason
 * when it is aborted
 *
 * @example
 * ```ts
 * import { cached, warm } from 'cachewell'
 *
 * const rates = cached(async (base: string) => ({ base, usd: 1.1 }), { key: 'fx', ttl: '5m' })
 *
 * await warm(rates, ['EUR', 'CHF'].map((base) => [base]))
 * ```
 */
export const warm: Cache['warm'] = defaultCache.warm

/**
 * What is stored for a call, or at a key of the default cache, and why it would be a hit or a miss now.
 * {@link Cache.explain} says more.
 *
 * @throws CacheConfigError for what is not cached, for a bad key, and for several ids
 *
 * @example
 * ```ts
 * import { explain } from 'cachewell'
 *
 * const { verdict, stored } = await explain(['user', 42])
 * ```
 */
export const explain: Cache['explain'] = defaultCache.explain

/**
 * Ends every entry of the default cache that has one of the tags, given one by one, or as an array with options behind it.
 *
 * @throws CacheConfigError for what is no tag
 *
 * @example
 * ```ts
 * import { invalidateTags } from 'cachewell'
 *
 * await invalidateTags('org:42', 'users')
 * await invalidateTags(['rates'], { mode: 'expire' }) // kept for functions with staleIfError
 * ```
 */
export function invalidateTags(...tags: string[]): Promise<InvalidateTagsResult>
export function invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<InvalidateTagsResult>
export function invalidateTags(...given: TagArguments): Promise<InvalidateTagsResult> {
  return defaultCache.invalidateTags(...(given as string[]))
}
