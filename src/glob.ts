import { percent } from './key.ts'

const NOT_IN_PATTERN = /[^!-z|~]+/gu

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

/*
 * Patterns are Redis globs: `*`, `?`, `[abc]`, `[^a]`, `[a-z]` and `\` before a character that stands for itself.
 * They are matched below the cache's own prefix (and tenant), which is escaped and cannot be widened by a pattern.
 */

/** Whether `text` matches the glob, by the rules of Redis' `stringmatchlen`. Linear in practice: only the last `*` is retried. */
export function matches(glob: string, text: string): boolean {
  let g = 0
  let t = 0
  let starAt = -1
  let starText = 0
  while (t < text.length) {
    if (glob[g] === '*') {
      starAt = g++
      starText = t
      continue
    }
    const next = g < glob.length ? matchOne(glob, g, text[t] as string) : 0
    if (next > 0) {
      g = next
      t++
    } else if (starAt >= 0) {
      g = starAt + 1
      t = ++starText
    } else return false
  }
  while (glob[g] === '*') g++
  return g >= glob.length
}

/** The position after the element at `g` when it matches the character, else 0. */
function matchOne(glob: string, g: number, character: string): number {
  switch (glob[g]) {
    case '?':
      return g + 1
    case '[':
      return matchClass(glob, g + 1, character)
    case '\\':
      // A backslash at the very end stands for itself.
      if (g + 1 < glob.length) return glob[g + 1] === character ? g + 2 : 0
  }
  return glob[g] === character ? g + 1 : 0
}

function matchClass(glob: string, start: number, character: string): number {
  let g = start
  const negated = glob[g] === '^'
  if (negated) g++
  let found = false
  // As in Redis, a class that is never closed ends with the pattern.
  for (; g < glob.length && glob[g] !== ']'; g++) {
    if (glob[g] === '\\' && g + 1 < glob.length) {
      g++
      if (glob[g] === character) found = true
    } else if (glob[g + 1] === '-' && g + 2 < glob.length) {
      const [low, high] = [glob[g] as string, glob[g + 2] as string].sort() as [string, string]
      if (character >= low && character <= high) found = true
      g += 2
    } else if (glob[g] === character) found = true
  }
  return found !== negated ? g + 1 : 0
}
