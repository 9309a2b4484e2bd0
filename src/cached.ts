import { FunctionCall, keyFor } from './call.ts'
import { must, requireObject } from './checks.ts'
import { declare, removeEvery, removeStored } from './declared.ts'
import type { Home } from './engine.ts'
import { completed, type PolicyIn, policyIn } from './home.ts'
import type { InvalidateResult, SweepOptions } from './invalidation.ts'
import { makePolicy, type Policy, type RawPolicy } from './policy.ts'
import type { AsyncFunction, CachedFunctionOptions } from './types.ts'
import { requireAsync, wrapperFor } from './wrap.ts'

/**
 * What a cached function can do besides being called. All of it takes the arguments of a call; where a key depends on
 * `this`, give that too, as in `fn.invalidate.call(self, 1)`.
 */
export interface CachedMembers<F extends AsyncFunction> {
  /** Removes what is stored for these arguments, and keeps a load of it that is under way from being stored. */
  invalidate(...args: Parameters<F>): Promise<InvalidateResult>
  /**
   * {@link CachedMembers.invalidate}, but keeps the value for `staleIfError`: it is served only when the function fails,
   * or takes longer than its `softTimeout`.
   */
  expire(...args: Parameters<F>): Promise<InvalidateResult>
  /**
   * Removes all that is stored of this function, whatever the arguments: every key that begins as its keys do, up to the
   * first argument. So give functions keys that begin differently: `user:{0}` is also how `user:list:{0}` begins. It looks
   * through the whole store, as any pattern does; where that is done often, a tag takes one command.
   *
   * @throws CacheConfigError for a key function, or a key that begins with an argument: nothing tells how its keys begin.
   * What ends it early, as of `invalidate`
   */
  invalidateAll(options?: SweepOptions): Promise<InvalidateResult>
  /** Runs the function now and stores its result, whatever is stored. */
  refresh(...args: Parameters<F>): ReturnType<F>
  /** The key, below the cache's prefix and the tenant, as `get` takes it; `undefined` where these arguments cannot be cached. */
  keyFor(...args: Parameters<F>): string | undefined
  /** What is stored, without running the function. */
  peek(...args: Parameters<F>): Promise<Awaited<ReturnType<F>> | undefined>
  /** Stores a value for these arguments, a list of them; true when it is stored. */
  set(args: Parameters<F>, value: Awaited<ReturnType<F>>): Promise<boolean>
}

/** A cached function: the same to call, with more members. */
export type CachedFunction<F extends AsyncFunction> = F & CachedMembers<F>

/**
 * Wraps a function so that its results are kept. The wrapper keeps the function's name, length, `this` and types;
 * it returns and throws what the function does, whatever the store does.
 *
 * @throws CacheConfigError when the options make no sense, here and not at the call
 *
 * @example
 * ```ts
 * import { cached } from 'cachewell'
 *
 * const fetchRates = async (base: string) => ({ base, usd: 1.1 })
 * export const rates = cached(fetchRates, { key: (base: string) => ['fx', base], ttl: '5m' })
 *
 * await rates('EUR')
 * await rates.invalidate('EUR')
 * ```
 */
export type CachedFactory = <F extends AsyncFunction, const Key extends string = string>(
  fn: F,
  options: CachedFunctionOptions<ThisParameterType<F>, Parameters<F>, Awaited<ReturnType<F>>, Key>,
) => CachedFunction<F>

/** @param home - its engine is asked for at each call: functions are declared before the cache they use is known */
export function cachedWith(home: Home): CachedFactory {
  return ((fn: AsyncFunction, options: RawPolicy) => {
    const policy = declared(home, fn, options, placeOf('cached', fn, options))
    const { wrapper, call } = doorTo(home, fn, policyIn(home, policy))
    const members: CachedMembers<AsyncFunction> = {
      invalidate(...args) {
        return removeStored(home, policy, [keyFor(call(this, args, policy))])
      },
      expire(...args) {
        return removeStored(home, policy, [keyFor(call(this, args, policy))], 'expire')
      },
      invalidateAll(options) {
        return removeEvery(home, policy, options)
      },
      refresh(...args) {
        return home.engine().path.refresh(call(this, args))
      },
      keyFor(...args) {
        return keyFor(call(this, args, policy))
      },
      peek(...args) {
        return home.engine().path.peek(call(this, args))
      },
      async set(args, value) {
        must(Array.isArray(args), 'set takes the arguments of a call as a list, as in set([42], value)')
        return home.engine().path.set(call(this, [...args]), value)
      },
    }
    return Object.assign(wrapper, members)
  }) as CachedFactory
}

/**
 * The wrapper in the place of a function, and what makes a call of it for those who do something else with it.
 *
 * @param isMethod - it was decorated
 */
export function doorTo(home: Home, fn: AsyncFunction, policyOf: PolicyIn, isMethod?: boolean) {
  // Of what is called as a member, the wrapper itself is `this`.
  const call = (self: unknown, args: readonly unknown[], policy = policyOf(self, wrapper)) =>
    new FunctionCall(policy, self === wrapper ? undefined : self, args, fn)
  const wrapper: AsyncFunction = wrapperFor(fn, function (this: unknown, ...args: unknown[]) {
    const engine = home.engine()
    const policy = policyOf(this, wrapper, engine)
    const { path } = engine
    return path.hit(policy, this, args) ?? path.run(new FunctionCall(policy, this, args, fn))
  })
  return { wrapper: declare(wrapper, { home, isMethod, call }), call }
}

/** What errors begin with. @throws CacheConfigError for what is no function, or no options */
export function placeOf(door: string, fn: unknown, options: unknown): string {
  requireAsync(fn, `${door}()`)
  requireObject(options, `${door}()`, `${door}(${fn.name || 'load'}, { key: 'user', ttl: '5m' })`)
  return `${door}(${fn.name})`
}

/** @throws CacheConfigError for a mistake in the options, or in the name that the key would have */
export function declared(home: Home, fn: AsyncFunction, options: RawPolicy, place: string): Policy {
  const policy = makePolicy(completed(home, options), fn, nameOf(fn), place)
  if (options.key === undefined) home.names.claim(fn.name, fn)
  return policy
}

/** A bound function has the name of what it was bound of, which says nothing of what it was bound to. */
function nameOf(fn: Function): string | undefined {
  return fn.name.startsWith('bound ') ? undefined : fn.name || undefined
}
