import { CacheConfigError } from './errors.ts'

/** What stands below a wrapper, for telling the wrappers of one method from other methods. */
const originals = new WeakMap<object, Function>()

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

/** Whether `outer` is `inner`, perhaps below other decorators of ours. */
export function holds(outer: unknown, inner: Function): boolean {
  for (let at = outer; typeof at === 'function'; at = originals.get(at)) if (at === inner) return true
  return false
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
  const problem = typeof fn === 'function' ? problemOf(fn) : `not on ${typeof fn}s`
  if (problem) throw new CacheConfigError(`${place} works on functions that return a promise, ${problem}`)
}

function problemOf(fn: Function): string | undefined {
  const name = `and ${fn.name || 'this'} is a`
  if (Object.prototype.toString.call(fn).includes('Generator')) {
    return `${name} generator: collect its items and return an array`
  }
  // A method may be called `class`.
  return /^class\b(?!\s*\()/.test(Function.prototype.toString.call(fn)) ? `${name} class` : undefined
}
