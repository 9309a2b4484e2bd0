import { type Call, FunctionCall, keyFor } from './call.ts'
import { declare, removeEvery } from './declared.ts'
import type { InvalidationMode } from './drivers/driver.ts'
import type { Home } from './engine.ts'
import { CacheConfigError } from './errors.ts'
import { completed, policyIn } from './home.ts'
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
  /** Stores a value for these arguments; true when it is stored. Throws nothing. */
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
    requireAsync(fn, 'cached()')
    const policy = declared(home, fn, options, 'cached')
    const policyOf = policyIn(home, policy)

    const wrapper = wrapperFor(fn, function (this: unknown, ...args: unknown[]) {
      return home.engine().path.run(new FunctionCall(policyOf(), this, args, fn))
    })
    const memberCall = (self: unknown, args: readonly unknown[], policy = policyOf()) =>
      new FunctionCall(policy, self === wrapper ? undefined : self, args, fn)
    const members: CachedMembers<AsyncFunction> = {
      invalidate(...args) {
        return removeStored(home, memberCall(this, args), 'remove', memberCall(this, args, policy))
      },
      expire(...args) {
        return removeStored(home, memberCall(this, args), 'expire', memberCall(this, args, policy))
      },
      invalidateAll(options) {
        return removeEvery(home, policy, options)
      },
      refresh(...args) {
        return home.engine().path.refresh(memberCall(this, args))
      },
      keyFor(...args) {
        return keyFor(memberCall(this, args, policy))
      },
      peek(...args) {
        return home.engine().path.peek(memberCall(this, args))
      },
      set(args, value) {
        return home.engine().path.set(memberCall(this, args), value)
      },
    }
    return declare(Object.assign(wrapper, members), { home, call: memberCall })
  }) as CachedFactory
}

/** @throws CacheConfigError for a mistake in the options, or in the name that the key would have */
export function declared(home: Home, fn: AsyncFunction, options: RawPolicy, door: string): Policy {
  if (typeof options !== 'object' || options === null) {
    throw new CacheConfigError(`${door}() needs options: write ${door}(${fn.name || 'load'}, { ttl: '5m' })`)
  }
  const policy = makePolicy(completed(home, options), fn, nameOf(fn), `${door}(${fn.name})`)
  if (options.key === undefined) home.names.claim(fn.name, fn)
  return policy
}

/** @param anywhere - the call as it would be without a tenant, for telling why it has no key */
export async function removeStored(
  home: Home,
  call: Call,
  mode: InvalidationMode,
  anywhere: Call,
): Promise<InvalidateResult> {
  const { invalidation, events } = home.engine()
  const key = keyFor(call)
  if (key !== undefined) return invalidation.remove(key, mode)
  const [code, why] =
    keyFor(anywhere) === undefined
      ? (['unkeyable', 'no key can be made of its arguments'] as const)
      : (['no-tenant', 'there is no tenant'] as const)
  const { name } = anywhere.policy
  events.emit({
    type: 'notice',
    code,
    level: 'warn',
    name,
    message: `an invalidation of ${name} removed nothing: ${why}`,
  })
  return { removed: 0, deferred: false }
}

/** A bound function has the name of what it was bound of, which says nothing of what it was bound to. */
function nameOf(fn: Function): string | undefined {
  return fn.name.startsWith('bound ') ? undefined : fn.name || undefined
}
