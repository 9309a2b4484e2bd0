import { encodePart } from './key.ts'

/**
 * A pattern with data in it: every interpolated value is encoded just as it is in keys, so that a `*` or `:` in the
 * data matches only itself.
 *
 * @throws Error, of the name `UnkeyableError`, for what cannot be in a key, such as a function or an instance of a class
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
