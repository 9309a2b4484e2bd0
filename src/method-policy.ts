import { CacheConfigError, UnkeyableError } from './errors.ts'
import { planText } from './key-plan.ts'
import type { Names } from './names.ts'
import { makePolicy, type Policy, type RawPolicy } from './policy.ts'
import type { AsyncFunction } from './types.ts'

/** A method as its decorator finds it, whichever of the two decorator modes it is. */
export interface Decorated {
  readonly method: AsyncFunction
  readonly name: string | symbol
  /** The class whose prototype owns it, or which itself does; TC39 decorators run before there is one. */
  readonly owner: Function | undefined
  readonly isPrivate: boolean
}

type PolicyOf = (self: unknown, wrapper: AsyncFunction) => Policy

/**
 * The policy of a method's calls. With a key it is one for all. Without, keys begin with `ClassName.method`, the class
 * being the one whose prototype owns the wrapper.
 *
 * @throws CacheConfigError
 */
export function policyFinder(options: RawPolicy, decorated: Decorated, names: Names): PolicyOf {
  const { method, name, owner, isPrivate } = decorated
  const label = typeof name === 'string' && !isPrivate ? name : ''
  const place = `@Cached on ${String(name)}`
  const shown = owner?.name && label ? `${owner.name}.${label}` : label || String(name)
  if (options?.key !== undefined) {
    const policy = makePolicy(options, method, shown, place)
    return () => policy
  }
  // All but the name is known, and checked, now.
  const unnamed = makePolicy(options, method, label || undefined, place)
  const named = (className: string): Policy => {
    names.claim(`${className}.${label}`, method)
    const plan = planText(`${className}.${label}`, method)
    return Object.freeze({ ...unnamed, plan, name: plan.head })
  }
  if (owner === undefined) return byOwner(label, unnamed, named)
  if (owner.name === '')
    throw new CacheConfigError(`${place}: the class has no name, so give a key, as in key: '${label}'`)
  const policy = named(owner.name)
  return () => policy
}

/** TC39: the class is found at the first call. A mistake can no longer be thrown then; it is said, and not cached. */
function byOwner(label: string, unnamed: Policy, named: (className: string) => Policy): PolicyOf {
  const known = new WeakMap<object, Policy>()
  const find = (start: object, wrapper: AsyncFunction): Policy => {
    const className = ownerName(start, label, wrapper)
    if (!className) return uncached(unnamed, `no class with a name owns ${label}, so give it a key`)
    try {
      return named(className)
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
 * A subclass that inherits the method shares its values, one that overrides it does not. Where another decorator has
 * wrapped the wrapper, the only owner of a method of that name is it.
 */
function ownerName(start: object, label: string, wrapper: AsyncFunction): string | undefined {
  const owners: object[] = []
  for (let at: object | null = start; at !== null; at = Object.getPrototypeOf(at)) {
    const value: unknown = Object.getOwnPropertyDescriptor(at, label)?.value
    if (value === wrapper) return nameOf(at)
    if (typeof value === 'function') owners.push(at)
  }
  return owners.length === 1 ? nameOf(owners[0] as object) : undefined
}

function nameOf(owner: object): string | undefined {
  return typeof owner === 'function' ? owner.name : owner.constructor?.name
}

/** Calls go to the method, with one notice that says why. */
function uncached(policy: Policy, reason: string): Policy {
  const derive = (): never => {
    throw new UnkeyableError(
      policy.name,
      `not to be told apart from others: ${reason}`,
      'two classes must not share keys',
    )
  }
  return Object.freeze({ ...policy, plan: { head: policy.name, derive } })
}
