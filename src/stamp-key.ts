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

/** The tags as a tenant has them: those of another are other tags. */
export function tagsIn(space: string, tags: readonly string[]): readonly string[] {
  return space === '' ? tags : tags.map((tag) => space + tag)
}

/** Changes with every invalidation of any tag. No tag encodes to nothing. */
export const ANY_TAG = ''
