/** Outside of what patterns can reach: those begin with `<prefix>::`. */
export function stampKey(prefix: string, tag: string): string {
  return `${prefix}#${tag}`
}

/**
 * Where it is settled who renews a value, the one with this id: a later one is a matter of its own. No tag begins with a
 * colon: it would be escaped.
 */
export function electionKey(prefix: string, key: string, id: string): string {
  return `${prefix}#:${id}:${key}`
}

/** Changes with every invalidation of any tag. No tag encodes to nothing. */
export const ANY_TAG = ''
