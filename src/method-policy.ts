import { CacheConfigError } from './errors.ts'
import { planText } from './key-plan.ts'
import type { Names } from './names.ts'
import { makePolicy, type Policy, type RawPolicy } from './policy.ts'
import type { AsyncFunction } from './types.ts'
import { holds } from './wrap.ts'

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
 * @param policyIn - what becomes of a policy in the cache of the method
 * @throws CacheConfigError
 */
export function policyFinder(
  options: RawPolicy,
  decorated: Decorated,
  names: Pick<Names, 'claim'>,
  policyIn: (declared: Policy) => () => Policy,
  decorator = '@Cached',
): PolicyOf {
  const { method, name, owner, isPrivate } = decorated
  const label = typeof name === 'string' && !isPrivate ? name : ''
  const place = `${decorator} on ${String(name)}`
  const className = owner && nameOf(owner)
  const shown = className && label ? `${className}.${label}` : label || String(name)
  if (options.key !== undefined) {
    return policyIn(makePolicy(options, method, shown, place))
  }
  // All but the name is known, and checked, now.
  const unnamed = makePolicy(options, method, label || undefined, place)
  const named = (className: string): Policy => {
    const text = `${className}.${label}`
    const plan = planText(text, method)
    names.claim(text, method)
    return Object.freeze({ ...unnamed, plan, name: plan.head })
  }
  if (owner === undefined) return byOwner(label, unnamed, (className) => policyIn(named(className)))
  if (!className)
    throw new CacheConfigError(`${place}: the class has no name of its own, so give a key, as in key: '${label}'`)
  return policyIn(named(className))
}

/** TC39: the class is found at the first call. A mistake can no longer be thrown then; it is said, and not cached. */
function byOwner(label: string, unnamed: Policy, named: (className: string) => () => Policy): PolicyOf {
  const known = new WeakMap<object, () => Policy>()
  const without = (reason: string) => {
    const policy = uncached(unnamed, reason)
    return () => policy
  }
  const find = (start: object, wrapper: AsyncFunction): (() => Policy) => {
    const className = ownerName(start, label, wrapper)
    if (!className) return without(`no class with a name of its own owns ${label}, so give it a key`)
    try {
      return named(className)
    } catch (error) {
      return without((error as Error).message)
    }
  }
  return (self, wrapper) => {
    if (self === null || (typeof self !== 'object' && typeof self !== 'function')) {
      return uncached(unnamed, `${label} was called without its object, and only a method with a key can be`)
    }
    const start = typeof self === 'function' ? self : (Object.getPrototypeOf(self) ?? self)
    let policyOf = known.get(start)
    if (policyOf === undefined) {
      policyOf = find(start, wrapper)
      known.set(start, policyOf)
    }
    return policyOf()
  }
}

/**
 * A subclass that inherits the method shares its values, one that overrides it does not. Where a decorator of others
 * has wrapped the wrapper, the only owner of a method of that name is it.
 */
function ownerName(start: object, label: string, wrapper: AsyncFunction): string | undefined {
  const owners: object[] = []
  for (let at: object | null = start; at !== null; at = Object.getPrototypeOf(at)) {
    const value: unknown = Object.getOwnPropertyDescriptor(at, label)?.value
    if (holds(value, wrapper)) return nameOf(at)
    if (typeof value === 'function') owners.push(at)
  }
  return owners.length === 1 ? nameOf(owners[0] as object) : undefined
}

/**
 * What compilers and minifiers call a class. The next build may give the name to another one, and that would read the
 * values of the first.
 */
const GENERATED = /^(?:_?[a-z]{1,2}\d*|class(?:_\d+)?|(?:\w+_)?default(?:_\d+)?)$/

/** `undefined` for no name; a static member called `name` hides the name of the class too. */
function nameOf(owner: object): string | undefined {
  const name: unknown = typeof owner === 'function' ? owner.name : owner.constructor?.name
  return typeof name === 'string' && !GENERATED.test(name) ? name : undefined
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
    get all() {
      return derive()
    },
  }
  return Object.freeze({ ...policy, plan })
}
