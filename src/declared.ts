import type { Callee } from './call.ts'
import { must } from './checks.ts'
import type { InvalidationMode } from './drivers/driver.ts'
import type { Home } from './engine.ts'
import type { InvalidateResult, SweepOptions } from './invalidation.ts'
import type { Policy } from './policy.ts'
import { spaceNow } from './space-now.ts'

/** What a cached function, or a decorated method, carries for those who are given the function itself. */
export interface Declared extends Callee {
  /** Of the cache in which it was declared. */
  readonly home: Home
}

/** Copies of this package that are loaded side by side know each other's functions by it. */
const DECLARED = Symbol.for('cachewell/declared')

export function declare<F extends Function>(wrapper: F, declared: Declared): F {
  return Object.defineProperty(wrapper, DECLARED, { value: declared, configurable: true })
}

/** @throws CacheConfigError for what is not cached */
export function declaredOf(fn: unknown, what: string): Declared {
  const declared = typeof fn === 'function' ? (fn as { [DECLARED]?: Declared })[DECLARED] : undefined
  must(
    declared,
    `${what} takes a function that cached() has returned, or a method with @Cached, as in ${what}(user, …)`,
  )
  return declared
}

/** @param keys - below the tenant and the namespace; `undefined` for calls of whose arguments none can be made */
export function removeStored(
  home: Home,
  policy: Policy,
  keys: readonly (string | undefined)[],
  mode?: InvalidationMode,
): Promise<InvalidateResult> {
  return home.engine().invalidation.removeStored(spaceNow(home, policy), policy, keys, mode)
}

/** Removes all that is stored of a function. @throws CacheConfigError where nothing tells how its keys begin */
export function removeEvery(home: Home, policy: Policy, options?: SweepOptions): Promise<InvalidateResult> {
  return home.engine().invalidation.everyKey(spaceNow(home, policy), policy, options)
}
