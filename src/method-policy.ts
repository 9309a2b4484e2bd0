import { must } from './checks.ts'
import type { Home } from './engine.ts'
import { completed, type PolicyIn, policyIn } from './home.ts'
import { nameOf } from './names.ts'
import { makePolicy, planName, type RawPolicy } from './policy.ts'
import type { AsyncFunction } from './types.ts'
import { originals } from './wrap.ts'

/** A method as its decorator finds it, whichever of the two decorator modes it is. */
export interface Decorated {
  readonly method: AsyncFunction
  readonly name: string | symbol
  /** The class whose prototype owns it, or which itself does; TC39 decorators run before there is one. */
  readonly owner: Function | undefined
  readonly isPrivate: boolean
}

/**
 * The policy of a method's calls. With a key it is one for all. Without, keys begin with `ClassName.method`, the class
 * being the one whose prototype owns the wrapper.
 *
 * @throws CacheConfigError
 */
export function policyFinder(home: Home, given: RawPolicy, decorated: Decorated, place: string): PolicyIn {
  const { method, name, owner, isPrivate } = decorated
  const options = completed(home, given)
  const label = typeof name === 'string' && !isPrivate ? name : ''
  const className = owner && nameOf(owner)
  if (options.key !== undefined) {
    const shown = className && label ? `${className}.${label}` : label || String(name)
    return policyIn(home, makePolicy(options, method, shown, place))
  }
  // All but the name is known, and checked, now.
  const unnamed = makePolicy(options, method, label || undefined, place)
  const named = (className: string) => {
    const text = `${className}.${label}`
    const plan = planName(text, method)
    home.names.claim(text, method)
    return Object.freeze({ ...unnamed, plan, name: plan.head })
  }
  // TC39: the class is found at the first call.
  if (owner === undefined) return policyIn(home, { ...unnamed, ofClass: { label, named, originals } })
  must(className, `${place}: the class has no name of its own, so give a key, as in key: '${label}'`)
  return policyIn(home, named(className))
}
