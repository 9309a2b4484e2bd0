import { declaredOf, removeEvery } from './declared.ts'
import type { Home } from './engine.ts'
import type { Explanation } from './explanation.ts'
import type { InvalidateResult, SweepOptions } from './invalidation.ts'
import type { KeyParts } from './key-plan.ts'
import { spaceNow } from './space-now.ts'
import type { AsyncFunction, Callable, SelfOption } from './types.ts'
import type { ArgumentLists, WarmOptions, WarmResult } from './warm.ts'

/** What is done with a function as a whole, from outside of it. */
export interface ByHand {
  /**
   * Removes all that is stored of a cached function or a decorated method, whatever the arguments: every key that begins
   * as its keys do, as `fn.invalidateAll()` of a cached function. It looks through the whole store, as any pattern does.
   *
   * @param options - those of `invalidate`, and `self` for a method that has no `key`, of which only its object tells the
   * class; a cache of one tenant removes what that tenant has
   * @throws CacheConfigError for what is not cached, and where nothing tells how its keys begin
   *
   * @example
   * ```ts
   * import { createCache } from 'cachewell'
   *
   * const cache = createCache({ url: 'memory:', prefix: 'shop' })
   * class Stock {
   *   @cache.Cached({ key: 'stock', ttl: '1m' })
   *   async left(sku: string) {
   *     return sku.length
   *   }
   * }
   * await cache.invalidateAll(Stock.prototype.left)
   * ```
   */
  invalidateAll(fn: AsyncFunction, options?: SweepOptions & SelfOption): Promise<InvalidateResult>
  /**
   * Calls the function for each list of arguments of which nothing fresh is stored: for a start, or after an
   * invalidation. What is stored is read two hundred at a time; loads take leases as ever, so that processes which warm
   * the same at the same time share the work and load each key once. A load that fails is counted, and does not stop the
   * rest.
   *
   * A decorated method is told whose it is: `{ self: service }`. A function of many ids is called for those of a list that
   * are missing, and each id counts.
   *
   * @param lists - may be as long as you like, and come as they are needed: an array, a generator, rows of a database
   * @throws CacheConfigError for what is not cached, for a method without `self`, and for bad options; `signal`'s reason
   * when it is aborted; what `lists` or `onProgress` throw
   *
   * @example
   * ```ts
   * import { createCache } from 'cachewell'
   *
   * const cache = createCache({ url: 'memory:', prefix: 'shop' })
   * const price = cache.cached(async (sku: string) => ({ sku, cents: 995 }), { key: 'price', ttl: '1m' })
   *
   * const { loaded, failed } = await cache.warm(price, [['a-1'], ['a-2']], { concurrency: 5 })
   *
   * class Stock {
   *   @cache.Cached({ key: 'stock', ttl: '1m' })
   *   async left(sku: string) {
   *     return sku.length
   *   }
   * }
   * const stock = new Stock()
   * await cache.warm(stock.left, [['a-1'], ['a-2']], { self: stock })
   * ```
   */
  warm<F extends Callable>(
    fn: F,
    lists: Iterable<Parameters<F>> | AsyncIterable<Parameters<F>>,
    options?: WarmOptions,
  ): Promise<WarmResult>
  warm<F extends AsyncFunction>(
    method: F,
    lists: Iterable<Parameters<F>> | AsyncIterable<Parameters<F>>,
    options: WarmOptions & { self: ThisParameterType<F> },
  ): Promise<WarmResult>
  /**
   * What is stored for a call, or at a key, and whether it would be a hit or a miss now, and why. It only reads: the
   * function is not run, no lease is taken, nothing is counted as a hit. Values are not in it; keys and tags are.
   *
   * A decorated method is told whose it is, as by `warm`; of a function of many ids it takes one, as in `[['ann']]`.
   *
   * @throws CacheConfigError for what is not cached, for a bad key, and for several ids
   *
   * @example
   * ```ts
   * import { createCache } from 'cachewell'
   *
   * const cache = createCache({ url: 'memory:', prefix: 'shop' })
   * const price = cache.cached(async (sku: string) => ({ sku, cents: 995 }), { key: 'price', ttl: '1m' })
   *
   * console.log(`${await cache.explain(price, ['a-1'])}`) // price:a-1: miss (absent), since nothing is stored …
   * ```
   */
  explain<F extends Callable>(fn: F, args: Parameters<F>, options?: SelfOption): Promise<Explanation>
  explain<F extends AsyncFunction>(
    method: F,
    args: Parameters<F>,
    options: { self: ThisParameterType<F> },
  ): Promise<Explanation>
  explain(key: KeyParts): Promise<Explanation>
}

/** A function's own cache is meant, whichever is asked; but what one tenant asks to have removed is that tenant's. */
export function byHand(home: Home): ByHand {
  return {
    invalidateAll: async (fn, { self, ...options } = {}) => {
      const declared = declaredOf(fn, 'invalidateAll')
      const { tenant = declared.home.tenant } = home
      return removeEvery({ ...declared.home, tenant }, declared.call(self, []).policy, options)
    },
    warm: async (fn: unknown, lists: ArgumentLists, options?: WarmOptions) => {
      const declared = declaredOf(fn, 'warm')
      return declared.home.engine().warm(declared, lists, options)
    },
    explain: async (target: unknown, args?: readonly unknown[], options?: SelfOption) => {
      if (typeof target !== 'function') return home.engine().explain(target as KeyParts, spaceNow(home))
      const declared = declaredOf(target, 'explain')
      return declared.home.engine().explain(declared, undefined, args, options)
    },
  }
}
