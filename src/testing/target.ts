import { type Call, FunctionCall, keyFor, type ManyCall } from '../call.ts'
import type { CacheEngine, CallPath } from '../engine.ts'
import { CacheConfigError, messageOf } from '../errors.ts'
import { isPattern, matches, spelledPattern } from '../glob.ts'
import { directKey } from '../invalidator.ts'
import type { KeyParts } from '../key-plan.ts'

/**
 * What a question is about: a key (`'user:1'`, or an array of parts), a pattern (`'user:*'`), the name under which events
 * show a function (the static head of its key: `'user'`), or a call that is not carried out and only says of which key
 * it would be: `() => users.find(1)`. Keys, patterns and tags are those of the running tenant, as everywhere.
 */
export type Target = KeyParts | (() => unknown)

/** A target that is understood. */
export interface Wanted {
  /** As messages name it. */
  readonly shown: string
  readonly key?: string
  readonly name?: string
  readonly glob?: string
  readonly call?: Call
}

/** What is asked of the name of a function as well, which is the same for all tenants. */
const BY_NAME = ['of', 'assertHit', 'assertLoaded']

/** @throws CacheConfigError for what names nothing */
export function wantedOf(target: Target, engine: CacheEngine, what: string): Wanted {
  if (typeof target === 'function') {
    const call = dryCall(engine, target, what)
    const key = keyFor(call)
    if (key === undefined) {
      throw new CacheConfigError(`${what}: no key can be made of the arguments of this call of ${call.policy.name}`)
    }
    return { shown: key, key, call }
  }
  if (typeof target === 'string' && isPattern(target)) {
    const glob = tenantNow(engine, what) + spelledPattern(target)
    return { shown: glob, glob }
  }
  const below = directKey(target, what)
  const named = typeof target === 'string' ? { name: target } : {}
  try {
    const key = tenantNow(engine, what) + below
    return { shown: key, key, ...named }
  } catch (error) {
    if (typeof target === 'string' && BY_NAME.includes(what)) return { shown: target, ...named }
    throw error
  }
}

/**
 * What keys and tags of the running tenant begin with. Where there is none, a key would name nothing, and what is said not to be
 * there never would be.
 * @throws CacheConfigError
 */
export function tenantNow({ common }: CacheEngine, what: string): string {
  try {
    return common?.tenant?.() ?? ''
  } catch (error) {
    throw new CacheConfigError(`${what} is about keys of a tenant, and ${messageOf(error)}: call it as that tenant`)
  }
}

export function isOf({ key, name, glob }: Wanted, about: { readonly name: string; readonly key?: string }): boolean {
  if (glob !== undefined) return about.key !== undefined && matches(glob, about.key)
  return (key !== undefined && about.key === key) || (name !== undefined && about.name === name)
}

/** A call of many ids, as one for each of them. */
export function eachOf({ policy, self, ids, rest, fn }: ManyCall): Call[] {
  return Array.from(ids, (id) => new FunctionCall(policy, self, [id, ...rest], fn))
}

/**
 * Wrappers hand each call to the engine at once, before anything else happens. So for as long as it takes to call one,
 * there is one that only takes note.
 */
function dryCall(engine: CacheEngine, work: () => unknown, what: string): Call {
  const noted: Call[] = []
  const note = (call: Call) => {
    noted.push(call)
    return new Promise<never>(() => {})
  }
  const noteMany = (call: ManyCall) => {
    for (const one of eachOf(call)) noted.push(one)
    return new Promise<never>(() => {})
  }
  const noting: CallPath = {
    ...{ hit: () => undefined, run: note, many: noteMany },
    ...{ refresh: note, peek: note, set: note, update: note },
  }
  const { path } = engine
  engine.path = noting
  try {
    const outcome = work()
    // What else was called meanwhile is nobody's to wait for.
    if (outcome instanceof Promise) outcome.catch(() => {})
  } finally {
    engine.path = path
  }
  const [call, another] = noted
  if (call && !another) return call
  const said = call ? 'more than one cached function was called' : 'no cached function of this cache was called'
  throw new CacheConfigError(`${what} takes a call of a cached function, as in () => users.find(1), and ${said}`)
}
