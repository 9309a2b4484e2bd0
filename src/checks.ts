import { CacheConfigError } from './errors.ts'
import { describe } from './kind.ts'

/** @throws CacheConfigError unless it holds */
export function must(holds: unknown, otherwise: string): asserts holds {
  if (!holds) throw new CacheConfigError(otherwise)
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What was given instead may be a URL with a password: it is not repeated. */
export function requireObject(value: unknown, place: string, example: string): void {
  must(isObject(value), `${place} takes an object of options: write ${example}`)
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

/** Options within an option. What has no default is none of them. */
export function group<T extends object>(given: object, place: string, defaults: T, example: string): T {
  requireObject(given, place, example)
  refuseUnknown(given, Object.keys(defaults), place)
  const chosen = Object.entries(given).filter(([, value]) => value !== undefined && value !== null)
  return { ...defaults, ...Object.fromEntries(chosen) }
}

export function oneOf<T extends string>(value: unknown, allowed: readonly T[], option: string, place: string): T {
  must(
    allowed.includes(value as T),
    `${place}: ${option} must be ${allowed.map((word) => `'${word}'`).join(' or ')}, got ${show(value)}`,
  )
  return value as T
}

export function numberWithin(value: unknown, above: number, most: number): value is number {
  return typeof value === 'number' && value > above && value <= most
}

export function wholeNumber(
  value: unknown,
  option: string,
  what = 'a whole number above zero',
  least = 1,
  most = Number.MAX_SAFE_INTEGER,
): number {
  must(
    Number.isSafeInteger(value) && numberWithin(value, least - 1, most),
    `${option} must be ${what}, got ${show(value)}`,
  )
  return value as number
}

export function show(value: unknown): string {
  return typeof value === 'string' ? `'${value.slice(0, 60)}'` : Array.isArray(value) ? 'an array' : describe(value)
}
