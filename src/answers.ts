import type { Call } from './call.ts'
import { type Duration, milliseconds } from './duration.ts'
import { CacheConfigError } from './errors.ts'
import { encodeTag } from './key.ts'
import type { Policy } from './policy.ts'
import { isTooLate } from './too-late.ts'

// What the callbacks among a function's options answer for one call. Declaring needs none of it.

/** How long this result is kept, in ms; `undefined`: not at all. @throws what a callback throws, and for a bad answer */
export function ttlOf({ policy, self, args }: Pick<Call, 'policy' | 'self' | 'args'>, result: unknown) {
  const { fixedMs, nullMs, of, cacheIf, jitter, place } = policy.ttl
  if (result === undefined || (cacheIf && !verdictOf(cacheIf.call(self, result, ...args)))) return undefined
  const answer = () => {
    const ttl = of?.call(self, result, ...args)
    if (isTooLate(ttl)) throw new CacheConfigError('ttl returned a promise: it has to answer at once')
    return milliseconds(ttl as Duration, `${place}: what ttl returned`)
  }
  const own = result === null ? nullMs : (fixedMs ?? answer())
  return own === undefined ? undefined : Math.max(1, Math.round(own * (1 - Math.random() * jitter)))
}

/** A promise is always true: what it will say comes too late. */
function verdictOf(verdict: unknown): boolean {
  if (!isTooLate(verdict)) return Boolean(verdict)
  throw new CacheConfigError('cacheIf returned a promise: it has to answer at once, with true or false')
}

/** Whether the cache is to be left out. @throws what the callback throws, and for a promise */
export function isBypassed({ policy, self, args }: Pick<Call, 'policy' | 'self' | 'args'>): boolean {
  const verdict = policy.bypass?.call(self, ...args)
  if (isTooLate(verdict)) throw new CacheConfigError('it returned a promise, and has to answer at once')
  return Boolean(verdict)
}

/** Tags that are known before the load, encoded. */
export function tagsOf(tags: NonNullable<Policy['tags']>, self: unknown, args: readonly unknown[]): readonly string[] {
  return typeof tags === 'function' ? encodeTags(tags.apply(self, [...args])) : tags
}

/** Tags that only the result tells, encoded. */
export function resultTagsOf({ policy, self, args }: Call, result: unknown): readonly string[] {
  return policy.resultTags ? encodeTags(policy.resultTags.call(self, result, ...args)) : []
}

/** @throws TypeError for what is no list of words: entries under a wrong tag would outlive its invalidation */
function encodeTags(tags: unknown): string[] {
  if (isTooLate(tags)) throw new TypeError('tags came with a promise: they have to be there at once')
  if (!Array.isArray(tags)) throw new TypeError(`tags are an array of words, not ${typeof tags}`)
  const odd = tags.find((tag) => typeof tag !== 'string' || tag === '')
  if (odd !== undefined || tags.includes(undefined)) {
    const found = tags.filter(isTooLate).length > 0 ? 'a promise' : String(odd)
    throw new TypeError(`a tag is a word that is not empty, not ${found}`)
  }
  return [...new Set(tags.map(encodeTag))]
}
