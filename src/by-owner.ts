import { CacheConfigError } from './errors.ts'
import { nameOf } from './names.ts'
import type { Policy, PolicyOf } from './policy.ts'
import type { AsyncFunction } from './types.ts'
import type { Originals } from './wrap.ts'

/** TC39: the class is found at its first call. A mistake can no longer be thrown then; it is said, and not cached. */
export function byOwner(
  unnamed: Policy,
  { label, named, originals }: NonNullable<Policy['ofClass']>,
  settled: (policy: Policy) => Policy,
): PolicyOf {
  const known = new WeakMap<object, Policy>()
  const find = (start: object, wrapper: AsyncFunction): Policy => {
    const className = ownerName(start, label, wrapper, originals)
    if (!className) return uncached(unnamed, `no class with a name of its own owns ${label}, so give it a key`)
    try {
      return settled(named(className))
    } catch (error) {
      return uncached(unnamed, (error as Error).message)
    }
  }
  return (self, wrapper) => {
    if (self === null || (typeof self !== 'object' && typeof self !== 'function')) {
      return uncached(unnamed, `${label} was called without its object, and only a method with a key can be`)
    }
    const start = typeof self === 'function' ? self : (Object.getPrototypeOf(self) ?? self)
    let policy = known.get(start)
    if (policy === undefined) {
      policy = find(start, wrapper)
      known.set(start, policy)
    }
    return policy
  }
}

/**
 * A subclass that inherits the method shares its values, one that overrides it does not. Where a decorator of others
 * has wrapped the wrapper, the only owner of a method of that name is it.
 */
function ownerName(start: object, label: string, wrapper: AsyncFunction, originals: Originals): string | undefined {
  const owners: object[] = []
  for (let at: object | null = start; at !== null; at = Object.getPrototypeOf(at)) {
    const value: unknown = Object.getOwnPropertyDescriptor(at, label)?.value
    if (holds(value, wrapper, originals)) return nameOf(at)
    if (typeof value === 'function') owners.push(at)
  }
  return owners.length === 1 ? nameOf(owners[0] as object) : undefined
}

/** Calls go to the method, with one notice that says why; whoever asks for its keys is told so. */
function uncached(policy: Policy, reason: string): Policy {
  const derive = (): never => {
    throw new CacheConfigError(reason)
  }
  const plan = {
    head: policy.name,
    derive,
    spell: derive,
    get begins() {
      return derive()
    },
  }
  return Object.freeze({ ...policy, plan })
}

/** Whether `outer` is `inner`, perhaps below other decorators of ours. */
export function holds(outer: unknown, inner: Function, originals: Originals): boolean {
  for (let at = outer; typeof at === 'function'; at = originals.get(at)) if (at === inner) return true
  return false
}
