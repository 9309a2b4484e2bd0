import type { Call } from './call.ts'
import type { CacheEngine } from './engine.ts'
import { CacheConfigError } from './errors.ts'

/** What a cached function carries for those who are given the function itself. */
export interface Declared {
  /** Of the cache in which it was declared. */
  engine(): CacheEngine
  call(self: unknown, args: readonly unknown[]): Call
}

/** Copies of this package that are loaded side by side know each other's functions by it. */
const DECLARED = Symbol.for('cachewell/declared')

export function declare<F extends Function>(wrapper: F, declared: Declared): F {
  return Object.defineProperty(wrapper, DECLARED, { value: declared, configurable: true })
}

/** @throws CacheConfigError for what is no cached function */
export function declaredOf(fn: unknown, what: string): Declared {
  const declared = typeof fn === 'function' ? (fn as { [DECLARED]?: Declared })[DECLARED] : undefined
  if (declared) return declared
  throw new CacheConfigError(`${what} takes a function that cached() has returned, as in ${what}(user, …)`)
}
