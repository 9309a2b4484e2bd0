import { must, show } from './checks.ts'

/** What stands below a wrapper, for telling the wrappers of one method from other methods. */
export type Originals = Pick<WeakMap<object, Function>, 'get'>

/** Of this copy of the package. */
export const originals = new WeakMap<object, Function>()

/** Puts `wrapper` in the place of `original`: with its name, its length, and what others have attached to it. */
export function wrapperFor<F extends Function>(original: F, wrapper: Function): F {
  for (const name of Reflect.ownKeys(original)) {
    if (name === 'prototype' || name === 'arguments' || name === 'caller') continue
    Object.defineProperty(wrapper, name, Object.getOwnPropertyDescriptor(original, name) as PropertyDescriptor)
  }
  copyMetadata(original, wrapper)
  originals.set(wrapper, original)
  return wrapper as F
}

/** What `reflect-metadata` holds of a function (Nest's routes, guards and parameter types) has to follow it. */
function copyMetadata(from: Function, to: Function): void {
  const { getOwnMetadataKeys, getOwnMetadata, defineMetadata } = Reflect as typeof Reflect & {
    getOwnMetadataKeys?: (target: object) => unknown[]
    getOwnMetadata?: (key: unknown, target: object) => unknown
    defineMetadata?: (key: unknown, value: unknown, target: object) => void
  }
  if (!getOwnMetadataKeys || !getOwnMetadata || !defineMetadata) return
  for (const key of getOwnMetadataKeys(from)) defineMetadata(key, getOwnMetadata(key, from), to)
}

/** @throws CacheConfigError for what cannot be wrapped as a function that returns a promise */
export function requireAsync(fn: unknown, place: string): asserts fn is (...args: unknown[]) => unknown {
  refuse(typeof fn !== 'function' ? show(fn) : problemOf(fn), place)
}

/** @param what - it is that cannot be wrapped, if anything. @throws CacheConfigError */
export function refuse(what: unknown, place: string): void {
  must(!what, `${place} works on functions that return a promise, not on ${what}`)
}

function problemOf(fn: Function): string | undefined {
  const name = fn.name && ` (${fn.name})`
  if (Object.prototype.toString.call(fn).includes('Generator')) {
    return `a generator${name}: collect its items and return an array`
  }
  // A method may be called `class`.
  return /^class\b(?!\s*\()/.test(Function.prototype.toString.call(fn)) ? `a class${name}` : undefined
}
