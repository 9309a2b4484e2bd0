import type { Callee } from './call.ts'
import type { Home } from './engine.ts'
import { CacheConfigError } from './errors.ts'
import { inSpace } from './home.ts'
import { type InvalidateResult, NOTHING_REMOVED, type SweepOptions } from './invalidation.ts'
import type { Policy } from './policy.ts'
import type { Space } from './space.ts'

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
  if (declared) return declared
  throw new CacheConfigError(
    `${what} takes a function that cached() has returned, or a method with @Cached, as in ${what}(user, …)`,
  )
}

/** Removes all that is stored of a function. @throws CacheConfigError where nothing tells how its keys begin */
export function removeEvery(home: Home, policy: Policy, options?: SweepOptions): Promise<InvalidateResult> {
  const { invalidation } = home.engine()
  const use = (space: Space) => invalidation.everyKey(policy.plan, options, space)
  return inSpace(home, 'invalidateAll', use, NOTHING_REMOVED, policy)
}
