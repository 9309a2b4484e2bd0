import { digest } from './digest.ts'
import { UnkeyableError } from './errors.ts'
import { bytesOf, bytesType, describe, kindOf } from './kind.ts'

/*
 * Canonical keys. Two rules carry everything here:
 *
 * 1. Data is escaped, punctuation is ours. A string keeps only the characters below; everything else, our separators
 *    included, becomes %XX. So no data can imitate a separator, a bracket or the name of a type.
 * 2. A token says its type. Numbers, booleans, null and undefined stand bare; a string that looks like one of them is
 *    marked with a leading apostrophe. Everything else is `name(...)`.
 *
 * Hence the encoding is one-to-one: distinct arguments cannot share a key.
 */
const PLAIN = /^[A-Za-z0-9_.@/+$-]+$/
const NOT_PLAIN = /[^A-Za-z0-9_.@/+$-]+/gu
/** What begins otherwise need not be looked at any closer. */
const MAY_LOOK_TYPED = /^[-\dINtfnu]/
const LOOKS_TYPED = /^(?:-?\d+(?:\.\d+)?(?:e[+-]?\d+)?n?|-?Infinity|NaN|true|false|null|undefined)$/
/** In a key that the user has spelled, printable ASCII stays, but for glob characters, braces and the space. */
const SPELLABLE = /^[!-)+->@-Z_`a-z|~]*$/
const NOT_SPELLABLE = /[^!-)+->@-Z_`a-z|~]+/gu

/** Above this many characters a key ends in a digest of the whole. */
export const MAX_KEY_LENGTH = 200
export const KEPT_OF_LONG_KEY = 120
/** A value that holds more is not walked to its end: shared parts and holes are few bytes and take for ever. */
const MAX_VALUES = 200_000

/** How those of another copy of this package are known, too. */
const SECRET = Symbol.for('cachewell/secret')

/** A part of a key that must not be readable in Redis or in logs: only its digest is used. */
export class Secret {
  readonly #digest: string
  readonly [SECRET] = true

  constructor(value: unknown) {
    // Its digest would look like any other, and all calls without the value would share a key.
    if (value === undefined || value === null) throw new UnkeyableError('what was given to secret()', `${value}`)
    this.#digest = digest(encode(value, 'secret()'))
  }

  toString(): string {
    return `secret(${this.#digest})`
  }

  toJSON(): string {
    return this.toString()
  }
}

/**
 * Puts the SHA-256 digest of `value` into a key in place of the value, so that tokens and personal data do not show
 * in Redis. It hides, it does not encrypt: a value from a small set can be guessed.
 *
 * @throws Error, of the name `UnkeyableError`, for `undefined` and `null`, which would give one key to all who have no
 * token, and for what cannot be a key. In a key function it makes a call go past the cache.
 *
 * @example
 * ```ts
 * import { cached, secret } from 'cachewell'
 *
 * const loadSession = async (token: string) => ({ token })
 * export const session = cached(loadSession, { key: (token: string) => ['session', secret(token)], ttl: '5m' })
 * ```
 */
export function secret(value: unknown): Secret {
  return new Secret(value)
}

export function isSecret(value: unknown): value is Secret {
  return (value as { readonly [SECRET]?: unknown } | null | undefined)?.[SECRET] === true
}

/** One value as one part of a key. */
export function encodePart(value: unknown, path: string): string {
  return encodePlain(value) ?? encode(value, path)
}

/** A tag as it stands in keys and headers. */
export function encodeTag(tag: string): string {
  return encodePart(tag, 'a tag')
}

/** The arguments of a call, canonically, without trailing undefined ones. */
export function encodeArguments(args: readonly unknown[]): string {
  let length = args.length
  while (length > 0 && args[length - 1] === undefined) length--
  let key = ''
  // Most are short strings and whole numbers: for those nothing is made that only an error would show.
  for (let i = 0; i < length; i++) key += `:${encodePlain(args[i]) ?? encode(args[i], `argument ${i}`)}`
  return key
}

/** A string, a whole number or a boolean; `undefined` for all that needs more than that. */
export function encodePlain(value: unknown): string | undefined {
  if (typeof value === 'string') return encodeString(value)
  return typeof value === 'boolean' || (Number.isSafeInteger(value) && !Object.is(value, -0)) ? `${value}` : undefined
}

/**
 * A key that the user has spelled out (a string, or what a key function returned). Unlike a part it may hold our
 * separators; only what would not be safe in Redis or in a glob is escaped. Canonical keys pass unchanged, so that
 * `cache.get(fn.keyFor(…))` works.
 */
export function spelledKey(key: string): string {
  return shorten(SPELLABLE.test(key) ? key : key.replace(NOT_SPELLABLE, percent))
}

/** Long keys keep a readable, matchable head and end in `~` and a digest; no other key has a `~` there. */
export function shorten(key: string): string {
  return key.length <= MAX_KEY_LENGTH ? key : `${key.slice(0, KEPT_OF_LONG_KEY)}~${digest(key)}`
}

/** Of any length, as a long text in another script is: one by one that takes a hundred times as long. */
export function percent(characters: string): string {
  try {
    return encodeURIComponent(characters).replace(/[!~*'()]/g, percentOne)
  } catch {
    return Array.from(characters, percentOne).join('')
  }
}

function percentOne(character: string): string {
  const code = character.codePointAt(0) as number
  // encodeURIComponent throws on half of a surrogate pair, and two different halves must not meet.
  if (code >= 0xd800 && code <= 0xdfff) return `%u${code.toString(16)}`
  if (code < 0x80) return `%${code.toString(16).toUpperCase().padStart(2, '0')}`
  return encodeURIComponent(character)
}

function encodeString(text: string): string {
  if (!PLAIN.test(text)) return text === '' ? "'" : text.replace(NOT_PLAIN, percent)
  return MAY_LOOK_TYPED.test(text) && LOOKS_TYPED.test(text) ? `'${text}` : text
}

/** The objects that hold the value at hand, and the number of values met. */
interface Walk {
  readonly ancestors: object[]
  met: number
}

function encode(value: unknown, path: string, walk: Walk = { ancestors: [], met: 0 }): string {
  meet(walk, path)
  switch (typeof value) {
    case 'string':
      return encodeString(value)
    case 'number':
      return Object.is(value, -0) ? '-0' : `${value}`
    case 'bigint':
      return `${value}n`
    case 'symbol': {
      const name = Symbol.keyFor(value)
      if (name === undefined) throw new UnkeyableError(path, 'a symbol that is not registered with Symbol.for')
      return `symbol(${encodeString(name)})`
    }
    case 'function':
      throw new UnkeyableError(path, 'a function')
  }
  if (typeof value !== 'object' || value === null || isSecret(value)) return `${value}`
  if (walk.ancestors.includes(value)) throw new UnkeyableError(path, 'a cycle')
  walk.ancestors.push(value)
  const token = encodeObject(value, path, walk)
  walk.ancestors.pop()
  return token
}

function meet(walk: Walk, path: string): void {
  if (++walk.met > MAX_VALUES) throw new UnkeyableError(path, `beyond the first ${MAX_VALUES} values of a key`)
}

function encodeObject(value: object, path: string, walk: Walk): string {
  const kind = kindOf(value)
  switch (kind) {
    case 'array':
      return encodeArray(value as unknown[], path, walk)
    case 'object':
      return encodeRecord(value as Record<string, unknown>, path, walk)
    case 'null-object':
      return `null${encodeRecord(value as Record<string, unknown>, path, walk)}`
    case 'bytes':
      // The keys of a typed array are its indexes, too many to look through.
      return `${bytesType(value)}(${Buffer.from(bytesOf(value as ArrayBufferView)).toString('base64url')})`
    case 'other':
      throw new UnkeyableError(path, describe(value))
  }
  const primitive = value.valueOf()
  const letters = kind === 'boxed' && typeof primitive === 'string' ? primitive.length : 0
  refuseExtras(value, Object.keys(value).length > letters, path)
  const inside = (item: unknown) => encode(item, `${path} (in a ${kind})`, walk)
  switch (kind) {
    case 'date':
      return `date(${primitive})`
    case 'map':
      return `map(${unordered(value as Map<unknown, unknown>, (entry) => (entry as unknown[]).map(inside).join('='))})`
    case 'set':
      return `set(${unordered(value as Set<unknown>, inside)})`
    case 'regexp': {
      const { source, flags, lastIndex } = value as RegExp
      return `regexp(${encodeString(source)},${flags},${lastIndex})`
    }
    case 'url':
      return `url(${encodeString((value as URL).href)})`
    case 'boxed':
      return `boxed(${encode(primitive, path, walk)})`
  }
}

function unordered(items: Iterable<unknown>, token: (item: unknown) => string): string {
  return Array.from(items, token).sort().join()
}

function encodeArray(array: unknown[], path: string, walk: Walk): string {
  let token = '('
  let present = 0
  for (let i = 0; i < array.length; i++) {
    if (i > 0) token += ','
    // A hole is not an undefined; `!` cannot stand for anything else, since data is escaped.
    if (!Object.hasOwn(array, i)) {
      meet(walk, path)
      token += '!'
    } else {
      present++
      token += encode(array[i], `${path}[${i}]`, walk)
    }
  }
  refuseExtras(array, Object.keys(array).length > present, path)
  return `${token})`
}

/** `(a=1,b=2)`, sorted, since the order in which properties were written tells nothing apart; `(=)` is the empty one. */
function encodeRecord(record: Record<string, unknown>, path: string, walk: Walk): string {
  refuseExtras(record, false, path)
  const names = Object.keys(record).sort()
  if (names.length === 0) return '(=)'
  const field = (name: string) => `${name.replace(NOT_PLAIN, percent)}=${encode(record[name], `${path}.${name}`, walk)}`
  return `(${names.map(field).join()})`
}

/** What has other properties than those that make it what it is tells calls apart by them, and the token would not say so. */
function refuseExtras(value: object, hasNamed: boolean, path: string): void {
  if (!hasNamed && !Object.getOwnPropertySymbols(value).some(Object.prototype.propertyIsEnumerable, value)) return
  throw new UnkeyableError(path, `${describe(value)} with properties that a key would not show`)
}
