import { refuseUnknown } from './checks.ts'
import { inCommitScope, whenCommitted } from './commit-scope.ts'
import type { InvalidationMode, Removal } from './drivers/driver.ts'
import { CacheConfigError, messageOf, NoTenantError } from './errors.ts'
import type { Events } from './events.ts'
import { isPattern, literalPattern, spelledPattern } from './glob.ts'
import {
  checkMode,
  type InvalidateOptions,
  type InvalidateResult,
  type InvalidateTagsResult,
  type InvalidationTargets,
  type SweepOptions,
} from './invalidation.ts'
import { encodeTag } from './key.ts'
import { type KeyParts, type KeyPlan, keyOf } from './key-plan.ts'
import { type Space, WHOLE } from './space.ts'
import { ANY_TAG, stampKey, tagsIn } from './stamp-key.ts'
import type { SweepOutcome } from './sweep.ts'
import { isTooLate } from './too-late.ts'

/** Removes entries by key, by pattern or by tag, from every place where this cache keeps some. */
export class Invalidator {
  readonly #sweep: (removal: Removal, options: SweepOptions) => Promise<SweepOutcome>
  readonly #events: Events
  readonly #prefix: string
  readonly #scope: string

  /** @param sweep - carries a removal out, or keeps it for later */
  constructor(
    sweep: (removal: Removal, options: SweepOptions) => Promise<SweepOutcome>,
    events: Events,
    prefix: string,
  ) {
    this.#sweep = sweep
    this.#events = events
    this.#prefix = prefix
    this.#scope = `${prefix}::`
  }

  /** @throws CacheConfigError when the target names nothing; what ended it early */
  async invalidate(target: KeyParts, options?: SweepOptions, { keys } = WHOLE): Promise<InvalidateResult> {
    const mode = modeOf(options, 'invalidate', SWEEP_OPTIONS)
    if (typeof target !== 'string' || !isPattern(target)) {
      return this.remove(keys + directKey(target, 'invalidate'), mode, options)
    }
    const glob = spelledPattern(target)
    return this.#carryOut(keys + glob, { glob: literalPattern(this.#scope + keys) + glob, mode }, options)
  }

  /** Removes all that the plan can make a key of. @throws CacheConfigError where nothing tells how its keys begin */
  async everyKey({ all = [], head }: KeyPlan, options?: SweepOptions, space = WHOLE): Promise<InvalidateResult> {
    if (all.length === 0) {
      throw new CacheConfigError(
        `nothing tells how all keys of ${head} begin: give the function tags: ['${head}'] and invalidate that tag, ` +
          "or write out a pattern, as in invalidate('user:*')",
      )
    }
    let [removed, deferred, matched]: [number, boolean, number | undefined] = [
      0,
      false,
      options?.dryRun ? 0 : undefined,
    ]
    for (const target of all) {
      const result = await this.invalidate(target, options, space)
      removed += result.removed
      deferred ||= result.deferred
      matched = matched === undefined || result.matched === undefined ? undefined : matched + result.matched
    }
    return options?.dryRun ? { removed, deferred, matched } : { removed, deferred }
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

  /** Removes one key, which is no pattern, whatever is in it. */
  async removeOne(key: KeyParts, { keys } = WHOLE): Promise<InvalidateResult> {
    return this.remove(keys + directKey(key, 'delete'))
  }

  /** Removes one key, as it is. */
  remove(key: string, mode: InvalidationMode = 'remove', options?: SweepOptions): Promise<InvalidateResult> {
    return this.#carryOut(key, { key: this.#scope + key, mode }, options)
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

  #carryOut(target: string, removal: Removal, options: SweepOptions = {}): Promise<InvalidateResult> {
    const carryOut = () => this.#carryOutNow(target, removal, options)
    if (options.dryRun || !inCommitScope()) return carryOut()
    // By then the work has succeeded, whatever ends this early.
    return whenCommitted(() => carryOut().catch(() => HELD), HELD)
  }

  async #carryOutNow(target: string, removal: Removal, options: SweepOptions): Promise<InvalidateResult> {
    const { ended, ...result } = await this.#sweep(removal, options)
    if (!options.dryRun) this.#events.emit({ type: 'invalidate', target, mode: removal.mode ?? 'remove', ...result })
    if (ended) throw ended.reason
    return result
  }
}

const SWEEP_OPTIONS = ['mode', 'onProgress', 'signal', 'dryRun']
/** Until the commit nothing is removed. */
const HELD: InvalidateResult = Object.freeze({ removed: 0, deferred: true })

function modeOf(
  options: InvalidateOptions | undefined,
  place: string,
  known: readonly string[] = ['mode'],
): InvalidationMode {
  if (options === undefined) return 'remove'
  if (typeof options !== 'object' || options === null) {
    throw new CacheConfigError(`${place} takes options last, as in ${place}('user:*', { mode: 'expire' })`)
  }
  refuseUnknown(options, known, place)
  return checkMode(options.mode, place)
}

/** @throws CacheConfigError for what is no tag */
export function checkTag(tag: unknown): string {
  if (typeof tag === 'string' && tag !== '') return encodeTag(tag)
  const found = isTooLate(tag) ? 'a promise' : String(tag)
  throw new CacheConfigError(`a tag is a word that is not empty, not ${found}: write invalidateTags('org:42')`)
}

/** A key that code names directly. @throws CacheConfigError */
export function directKey(key: KeyParts, what: string): string {
  try {
    return keyOf(key, `the key given to ${what}`)
  } catch (error) {
    throw new CacheConfigError(messageOf(error))
  }
}
