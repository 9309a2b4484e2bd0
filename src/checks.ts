import { CacheConfigError } from './errors.ts'
import { describe } from './kind.ts'

/** The option as it is used, or an error that begins with `place`, which names it. @throws CacheConfigError */
export type Check<T = unknown> = (value: unknown, place: string) => T

/** @throws CacheConfigError unless it holds */
export function must(holds: unknown, otherwise: string): asserts holds {
  if (!holds) throw new CacheConfigError(otherwise)
}

/** @throws CacheConfigError unless it holds */
export function mustBe(holds: unknown, what: string, value: unknown, place: string): asserts holds {
  must(holds, `${place} must be ${what}, got ${show(value)}`)
}

/** What was given instead may be a URL with a password: it is not repeated. */
export function requireObject(value: unknown, place: string, example: string): asserts value is object {
  must(
    typeof value === 'object' && value && !Array.isArray(value),
    `${place} takes an object of options: write ${example}`,
  )
}

/** Unknown options are mistakes, mostly of spelling; a near miss is pointed out. */
export function refuseUnknown(raw: object, known: readonly string[], place: string): void {
  for (const name of Object.keys(raw)) {
    if (known.includes(name)) continue
    const near = known.find((option) => option.toLowerCase() === name.toLowerCase().replace(/[_-]/g, ''))
    must(
      false,
      `${place} has no option '${name}'${near ? `: did you mean '${near}'?` : `; it has ${known.join(', ')}`}`,
    )
  }
}

/**
 * Every option that there is a check for, as the check gives it, those that are left out included.
 *
 * @param given - an object, see {@link requireObject}
 */
export function readOptions<T>(
  given: object,
  checks: { readonly [Name in keyof T]: Check<T[Name]> },
  place: string,
  separator = ': ',
): T {
  refuseUnknown(given, Object.keys(checks), place)
  const read = {} as T
  for (const name in checks) read[name] = checks[name](given[name as never], place + separator + name)
  return read
}

/** Options within an option. */
export function group<T>(checks: { readonly [Name in keyof T]: Check<T[Name]> }, example: string): Check<T> {
  return (given, place) => {
    requireObject(given, place, example)
    return readOptions(given, checks, place, '.')
  }
}

/** `undefined` for what is left out. */
export function optional<T>(check: Check<T>): Check<T | undefined> {
  return (value, place) => (value === undefined ? undefined : check(value, place))
}

/** What stands there instead where it is left out, or null. */
export function or<T>(usual: unknown, check: Check<T>): Check<T> {
  return (value, place) => check(value ?? usual, place)
}

/** `function`, or another answer of `typeof`. */
export function ofType<T>(...types: string[]): Check<T> {
  return (value, place) => {
    mustBe(types.includes(typeof value), `a ${types.join(' or a ')}`, value, place)
    return value as T
  }
}

export function oneOf<T extends string>(...allowed: readonly T[]): Check<T> {
  return (value, place) => {
    mustBe(allowed.includes(value as T), allowed.map(show).join(' or '), value, place)
    return value as T
  }
}

export function numberWithin(above: number, most: number, what: string): Check<number> {
  return (value, place) => {
    mustBe(typeof value === 'number' && value > above && value <= most, what, value, place)
    return value
  }
}

export function wholeNumber(
  what = 'a whole number above zero',
  least = 1,
  most = Number.MAX_SAFE_INTEGER,
): Check<number> {
  return (value, place) => {
    mustBe(Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most, what, value, place)
    return value as number
  }
}

export function areWords(list: readonly unknown[]): list is string[] {
  return list.every((word) => typeof word === 'string' && word !== '')
}

export function show(value: unknown): string {
  return typeof value === 'string' ? `'${value.slice(0, 60)}'` : Array.isArray(value) ? 'an array' : describe(value)
}
