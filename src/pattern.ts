import { encodePart, percent } from './key.ts'

const NOT_IN_PATTERN = /[^!-z|~]/gu

/**
 * A pattern with data in it: every interpolated value is encoded just as it is in keys, so that a `*` or `:` in the
 * data matches only itself.
 *
 * @example
 * ```ts
 * import { invalidate, pattern } from 'cachewell'
 *
 * export const forgetUser = (id: string) => invalidate(pattern`user:${id}:*`)
 * ```
 */
export function pattern(strings: TemplateStringsArray, ...values: unknown[]): string {
  return strings.reduce((text, literal, i) => text + encodePart(values[i - 1], `\${${i - 1}}`) + literal)
}

/** Whether this names more than one key. Canonical keys never contain these characters. */
export function isPattern(text: string): boolean {
  return /[*?[\\]/.test(text)
}

/** Spells the pattern as keys are spelled: what cannot stand in a key is escaped, globs stay. */
export function spelledPattern(text: string): string {
  return text.replace(NOT_IN_PATTERN, percent)
}

/** Escapes a literal so that a glob matches it alone: for prefixes. */
export function literalPattern(text: string): string {
  return text.replace(/[*?[\]\\^]/g, '\\$&')
}

/** Matches all that a cache with this prefix owns. */
export function everythingOf(prefix: string): string {
  return `${literalPattern(prefix)}::*`
}
