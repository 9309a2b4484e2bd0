import { must } from './checks.ts'
import { UnkeyableError } from './errors.ts'
import { encodeArguments, encodePart, encodePlain, isSecret, type Secret, shorten, spelledKey } from './key.ts'
import { isTooLate } from './too-late.ts'

/** What a key function may return: one spelled string, or parts of which each is escaped on its own. */
export type KeyParts = string | number | bigint | Secret | readonly unknown[]

/** How one function's calls become keys. Made once, where the function is declared. */
export interface KeyPlan {
  /** The static head, without data of any call: what logs may show. */
  readonly head: string
  /** @throws UnkeyableError when this call must not be cached */
  derive(self: unknown, args: readonly unknown[]): string
  /**
   * What stands for the call where something is looked up only. It may not have been checked and escaped yet: no key that
   * was stored is what something else is escaped to, so what is found by it is found rightly. @throws UnkeyableError
   */
  spell(self: unknown, args: readonly unknown[]): string
  /** What every key of it begins with, below the tenant and the namespace; left out where nothing can be said of that. */
  readonly begins?: string
  /** A key is just that, or goes on behind a colon. */
  readonly appends?: boolean
}

type Hole = {
  readonly index: number
  readonly path: readonly string[]
  readonly optional: boolean
  readonly text: string
}

const HOLE = /^(\d+)((?:\.[\p{ID_Continue}$]+)*)(\?)?$/u
const STATIC = /^[\p{L}\p{N}_.@/+$:-]*$/u
const RETURNED = 'what the key function returned'

/** A string key: a template when it has holes, else a head to which the arguments are appended. */
export function planText(text: string, fn: Function): KeyPlan {
  const { holes, ...plan } = parseKey(text, fn)
  if (holes > 0) return plan
  const append: KeyPlan['derive'] = (_self, args) => shorten(plan.head + encodeArguments(args))
  return { ...plan, derive: append, spell: append, appends: true }
}

/** A string key that is a template or just itself: for naming another method's entry. */
export function planLiteral(text: string, fn: Function): KeyPlan {
  return parseKey(text, fn)
}

function parseKey(text: string, fn: Function): KeyPlan & { readonly holes: number } {
  must(text !== '', "key is an empty string: write for instance 'dashboard:stats'")
  // Split at what is in braces, every other one is a hole.
  const parts = text.split(/\{([^{}]*)\}/)
  const literals = parts.filter((_, i) => i % 2 === 0)
  must(!/[{}]/.test(literals.join('')), `key '${text}' has a brace that is not closed or not opened`)
  const holes = parts.filter((_, i) => i % 2 === 1).map((hole) => parseHole(hole, text, fn))
  must(
    literals.every((literal) => STATIC.test(literal)),
    `key '${text}' has other characters than letters, digits and _ . : / @ + - $ in its fixed part: ` +
      'for data, write a hole such as {0}, or a key function',
  )
  // Data may hold every other character, so that `{0}-{1}` would be one key for `('a-b', 'c')` and `('a', 'b-c')`.
  must(
    literals.slice(1, -1).every((literal) => literal.includes(':')),
    `key '${text}' does not keep its holes apart: write a colon between them, as in {0}:{1}`,
  )
  const escaped = literals.map(spelledKey)
  const [begins = ''] = escaped
  const fill: KeyPlan['derive'] = (_self, args) => fillTemplate(escaped, holes, args)
  return { head: begins || 'template', holes: holes.length, derive: fill, spell: fill, begins }
}

/** A key function. Its `this` is the `this` of the call. */
export function planFunction(key: (...args: never[]) => KeyParts, head: string): KeyPlan {
  const call = key as (...args: readonly unknown[]) => unknown
  // One argument is the rule, and to spread a list takes as long as to look up what comes of it.
  const ask = (self: unknown, args: readonly unknown[]) =>
    args.length === 1 ? call.call(self, args[0]) : call.apply(self, args as unknown[])
  const derive = (self: unknown, args: readonly unknown[]) => keyOf(ask(self, args), RETURNED)
  const spell = (self: unknown, args: readonly unknown[]) => {
    const key = ask(self, args)
    // A `^`, unescaped, would lead into a tenant or a namespace.
    return typeof key === 'string' && !key.includes('^') ? key : keyOf(key, RETURNED)
  }
  return { head, derive, spell }
}

/** The key that a user names directly: `cache.get(key)`, `invalidate(key)`, or the result of a key function. */
export function keyOf(key: unknown, what: string): string {
  if (typeof key === 'string' && key !== '') return spelledKey(key)
  if (Array.isArray(key) && key.length > 0) return shorten(encodeParts(key, what))
  if (typeof key === 'number' || typeof key === 'bigint' || isSecret(key)) return encodePart(key, what)
  const empty = key === '' ? 'an empty string' : Array.isArray(key) ? 'an empty array' : undefined
  const found = empty ?? (isTooLate(key) ? 'a promise' : key === null ? 'null' : typeof key)
  throw new UnkeyableError(what, found, 'a key is a string, or an array of at least one part')
}

function parseHole(text: string, key: string, fn: Function): Hole {
  const [found, index, path = '', mark] = HOLE.exec(text) ?? []
  const what = `key '${key}' has the hole {${text}}`
  must(found, `${what}: a hole names an argument by its position, from 0, as in {0}, {0.id} or {1.filter.from}`)
  must(
    Number(index) < fn.length || !hasFixedParameters(fn),
    `${what}, but ${fn.name || 'the function'} has no argument ${index}: it takes ${fn.length}, numbered from 0`,
  )
  return { index: Number(index), path: path.split('.').slice(1), optional: mark !== undefined, text }
}

/**
 * `length` does not count parameters with a default or a rest parameter, and says nothing of `arguments`. Only where
 * the source shows none of those may a template be refused; the type checker knows better in the other cases.
 */
function hasFixedParameters(fn: Function): boolean {
  const source = Function.prototype.toString.call(fn)
  if (/\barguments\b|\.\.\.|\[native code\]/.test(source)) return false
  const open = source.indexOf('(')
  const parameters = source.slice(open, source.indexOf(')'))
  // A computed or quoted name, or a comment, may hold parentheses of its own.
  return (
    !parameters.includes('=') &&
    !/[['"`]/.test(source.slice(0, open)) &&
    !/\/[*/]/.test(source.slice(0, open) + parameters)
  )
}

function fillTemplate(literals: readonly string[], holes: readonly Hole[], args: readonly unknown[]): string {
  let key = literals[0] as string
  holes.forEach((hole, i) => {
    key += fillHole(hole, args) + literals[i + 1]
  })
  return shorten(key)
}

function fillHole(hole: Hole, args: readonly unknown[]): string {
  let value = args[hole.index]
  for (const name of hole.path) value = (value as Record<string, unknown> | null | undefined)?.[name]
  const path = `{${hole.text}}`
  if (!hole.optional && isMissing(value)) throw missing(value, path, `write {${hole.text}?}`)
  return encodePart(value, path)
}

function encodeParts(parts: readonly unknown[], what: string): string {
  let key = ''
  try {
    for (let i = 0; i < parts.length; i++) {
      if (i > 0) key += ':'
      key += encodePlain(parts[i]) ?? encodeKnown(parts[i], `${what}, part ${i},`)
    }
  } catch (error) {
    parts.forEach(isTooLate)
    throw error
  }
  return key
}

function encodeKnown(part: unknown, path: string): string {
  if (isMissing(part)) throw missing(part, path, "return a word for it, such as 'none'")
  return encodePart(part, path)
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null
}

function missing(value: unknown, path: string, instead: string): UnkeyableError {
  return new UnkeyableError(path, `${value}`, `where that may be, ${instead}`)
}
