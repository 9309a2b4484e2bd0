import { whenCommitted } from './commit-scope.ts'
import type { InvalidationMode, Removal } from './drivers/driver.ts'
import { CacheConfigError, messageOf, NoTenantError } from './errors.ts'
import type { Events } from './events.ts'
import { encodeTag } from './key.ts'
import { type KeyParts, keyOf } from './key-plan.ts'
import { isPattern, literalPattern, spelledPattern } from './pattern.ts'
import { oneOf, refuseUnknown } from './policy.ts'
import { type Space, WHOLE } from './space.ts'
import { ANY_TAG, stampKey, tagsIn } from './stamp-key.ts'

export interface InvalidateOptions {
  /**
   * What becomes of the values. `remove`, the default: they are gone. `expire`: they are not served any more either, but
   * a function with `staleIfError` falls back on them when its next run fails, or takes longer than its `softTimeout`.
   */
  mode?: InvalidationMode
}

export interface InvalidateResult {
  /** How many entries were there and are gone, or have expired. */
  readonly removed: number
  /**
   * Redis was away: the removal is noted and carried out before this process is served from Redis again. Or it was
   * asked for in a `commitScope`, and is carried out at its end.
   */
  readonly deferred: boolean
}

export interface InvalidateTagsResult {
  /** Redis was away: it is noted and carried out before this process is served from Redis again. */
  readonly deferred: boolean
}

/** What a method's success makes invalid. */
export interface InvalidationTargets {
  readonly keys: readonly KeyParts[]
  readonly tags: readonly string[]
}

/** Removes entries by key, by pattern or by tag, from every place where this cache keeps some. */
export class Invalidation {
  readonly #remove: (removal: Removal) => Promise<InvalidateResult>
  readonly #events: Events
  readonly #prefix: string
  readonly #scope: string

  /** @param remove - carries a removal out, or keeps it for later; never rejects */
  constructor(remove: (removal: Removal) => Promise<InvalidateResult>, events: Events, prefix: string) {
    this.#remove = remove
    this.#events = events
    this.#prefix = prefix
    this.#scope = `${prefix}::`
  }

  /** @throws CacheConfigError when the target names nothing */
  async invalidate(target: KeyParts, options?: InvalidateOptions, { keys } = WHOLE): Promise<InvalidateResult> {
    const mode = modeOf(options, 'invalidate')
    if (typeof target !== 'string' || !isPattern(target))
      return this.remove(keys + directKey(target, 'invalidate'), mode)
    const glob = spelledPattern(target)
    return this.#carryOut(keys + glob, { glob: literalPattern(this.#scope + keys) + glob, mode })
  }

  /** Ends every entry that has one of the tags: one write for each tag, however many entries there are. */
  async invalidateTags(
    tags: readonly string[],
    options?: InvalidateOptions,
    space = WHOLE,
  ): Promise<InvalidateTagsResult> {
    const mode = modeOf(options, 'invalidateTags')
    const names = tagsIn(space.tags, tags.map(checkTag))
    // First: whoever finds the stamp of a tag gone must be able to tell that some tag was invalidated.
    const first = names.length > 0 ? [await this.#restamp(ANY_TAG, mode)] : []
    const results = [...first, ...(await Promise.all(names.map((tag) => this.#restamp(tag, mode))))]
    return { deferred: results.some(({ deferred }) => deferred) }
  }

  #restamp(tag: string, mode: InvalidationMode): Promise<InvalidateResult> {
    return this.#carryOut(`#${tag}`, { stamp: stampKey(this.#prefix, tag), mode })
  }

  /** Removes one key, as it is. */
  remove(key: string, mode: InvalidationMode = 'remove'): Promise<InvalidateResult> {
    return this.#carryOut(key, { key: this.#scope + key, mode })
  }

  /** For `@CacheInvalidate`: whatever goes wrong here, the outcome of the method stands. */
  async invalidateAll(
    name: string,
    targetsOf: () => InvalidationTargets,
    options: InvalidateOptions,
    spaceOf: () => Space = () => WHOLE,
  ): Promise<void> {
    try {
      const { keys, tags } = targetsOf()
      const space = spaceOf()
      await Promise.all([
        ...keys.map((target) => this.invalidate(target, options, space)),
        this.invalidateTags(tags, options, space),
      ])
    } catch (error) {
      const message = `a call of ${name} invalidated nothing: ${messageOf(error)}`
      const code = error instanceof NoTenantError ? 'no-tenant' : 'callback-threw'
      this.#events.emit({ type: 'notice', code, level: 'error', name, message })
    }
  }

  #carryOut(target: string, removal: Removal): Promise<InvalidateResult> {
    return whenCommitted(async () => {
      const result = await this.#remove(removal)
      this.#events.emit({ type: 'invalidate', target, mode: removal.mode ?? 'remove', ...result })
      return result
    }, HELD)
  }
}

/** Until the commit nothing is removed. */
const HELD: InvalidateResult = Object.freeze({ removed: 0, deferred: true })

/** @throws CacheConfigError */
export function modeOf(options: InvalidateOptions | undefined, place: string): InvalidationMode {
  if (options === undefined) return 'remove'
  if (typeof options !== 'object' || options === null) {
    throw new CacheConfigError(`${place} takes options last, as in ${place}('user:*', { mode: 'expire' })`)
  }
  refuseUnknown(options, ['mode'], place)
  return oneOf(options.mode ?? 'remove', ['remove', 'expire'], 'mode', place) as InvalidationMode
}

/** Tags one by one, or as an array, which leaves room for options. */
export type TagArguments = string[] | [tags: readonly string[], options?: InvalidateOptions]

export function tagArguments(given: TagArguments): [tags: readonly string[], options?: InvalidateOptions] {
  return Array.isArray(given[0]) ? (given as [string[]]) : [given as string[]]
}

/** @throws CacheConfigError for what is no tag */
export function checkTag(tag: unknown): string {
  if (typeof tag === 'string' && tag !== '') return encodeTag(tag)
  throw new CacheConfigError(`a tag is a word that is not empty, not ${String(tag)}: write invalidateTags('org:42')`)
}

/** A key that code names directly. @throws CacheConfigError */
export function directKey(key: KeyParts, what: string): string {
  try {
    return keyOf(key, `the key given to ${what}`)
  } catch (error) {
    throw new CacheConfigError(messageOf(error))
  }
}
