import type { Call } from './call.ts'
import { refuseUnknown, show } from './checks.ts'
import { inCommitScope, whenCommitted } from './commit-scope.ts'
import type { InvalidationMode, Removal } from './drivers/driver.ts'
import { CacheConfigError, messageOf, NoTenantError } from './errors.ts'
import type { Events } from './events.ts'
import { isPattern, literalPattern, spelledPattern } from './glob.ts'
import { inSpace } from './in-space.ts'
import {
  checkMode,
  type InvalidateOptions,
  type InvalidateResult,
  type InvalidateTagsResult,
  type InvalidationTargets,
  type SweepOptions,
  type TagArguments,
  wordsFor,
} from './invalidation.ts'
import { encodeTag, KEPT_OF_LONG_KEY } from './key.ts'
import { type KeyParts, type KeyPlan, keyOf } from './key-plan.ts'
import type { Policy } from './policy.ts'
import type { Space } from './space.ts'
import { ANY_TAG, stampKey, tagsIn } from './stamp-key.ts'
import type { SweepOutcome } from './sweep.ts'
import { isTooLate } from './too-late.ts'

type TargetsOf = () => { readonly keys: readonly KeyParts[]; readonly tags: readonly string[] }

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
  invalidate(spaceOf: () => Space, target: KeyParts, options?: SweepOptions): Promise<InvalidateResult> {
    return this.#inSpace(spaceOf, 'invalidate', (space) => this.#invalidate(space, target, options))
  }

  async #invalidate({ keys }: Space, target: KeyParts, options?: SweepOptions): Promise<InvalidateResult> {
    const mode = modeOf(options, 'invalidate', SWEEP_OPTIONS)
    if (typeof target !== 'string' || !isPattern(target)) {
      return this.remove(keys + directKey(target, 'invalidate'), mode, options)
    }
    const glob = spelledPattern(target)
    return this.#carryOut(keys + glob, { glob: literalPattern(this.#scope + keys) + glob, mode }, options)
  }

  /** Removes all that the plan can make a key of. @throws CacheConfigError where nothing tells how its keys begin */
  everyKey(spaceOf: () => Space, policy: Policy, options?: SweepOptions): Promise<InvalidateResult> {
    const { plan } = policy.settled?.() ?? policy
    return this.#inSpace(spaceOf, 'invalidateAll', (space) => this.#everyKey(space, plan, options))
  }

  async #everyKey(space: Space, { begins, appends, head }: KeyPlan, options?: SweepOptions): Promise<InvalidateResult> {
    if (!begins) {
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
    for (const target of appends ? [begins, beginningWith(`${begins}:`)] : [beginningWith(begins)]) {
      const result = await this.#invalidate(space, target, options)
      removed += result.removed
      deferred ||= result.deferred
      matched = matched === undefined || result.matched === undefined ? undefined : matched + result.matched
    }
    return options?.dryRun ? { removed, deferred, matched } : { removed, deferred }
  }

  /** Ends every entry that has one of the tags: one write for each tag, however many entries there are. */
  invalidateTags(spaceOf: () => Space, ...given: TagArguments): Promise<InvalidateTagsResult> {
    const [tags, options] = Array.isArray(given[0]) ? (given as [string[], InvalidateOptions?]) : [given as string[]]
    return this.#inSpace(spaceOf, 'invalidateTags', (space) => this.#invalidateTags(space, tags, options))
  }

  async #invalidateTags(
    space: Space,
    tags: readonly string[],
    options?: InvalidateOptions,
  ): Promise<InvalidateTagsResult> {
    const mode = modeOf(options, 'invalidateTags')
    const names = tagsIn(space.tags, tags.map(checkTag))
    // First: whoever finds the stamp of a tag gone must be able to tell that some tag was invalidated.
    const first = names.length > 0 ? [await this.#restamp(ANY_TAG, mode)] : []
    const others = names.map((tag) => this.#restamp(tag, mode, `#${tag}`))
    const results = [...first, ...(await Promise.all(others))]
    return { deferred: results.some(({ deferred }) => deferred) }
  }

  /** @param target - as its event shows it; what nobody has asked for has none */
  #restamp(tag: string, mode: InvalidationMode, target?: string): Promise<InvalidateResult> {
    return this.#carryOut(target, { stamp: stampKey(this.#prefix, tag), mode })
  }

  /** Removes one key, which is no pattern, whatever is in it. */
  removeOne(spaceOf: () => Space, key: KeyParts): Promise<InvalidateResult> {
    return this.#inSpace(spaceOf, 'delete', async ({ keys }) => this.remove(keys + directKey(key, 'delete')))
  }

  /**
   * Removes the keys of calls of a function.
   *
   * @param found - below the space; `undefined` where none can be made of the arguments
   */
  removeStored(
    spaceOf: () => Space,
    { name }: Policy,
    found: readonly (string | undefined)[],
    mode?: InvalidationMode,
  ): Promise<InvalidateResult> {
    const what = `an invalidation of ${name}`
    const stored = found.filter((key) => key !== undefined)
    if (stored.length < found.length) {
      const message = `${what} did nothing, since no key can be made of its arguments`
      this.#events.emit({ type: 'notice', code: 'unkeyable', level: 'warn', name, message })
    }
    const remove = async ({ keys }: Space) => {
      const outcomes = await Promise.all(stored.map((key) => this.remove(keys + key, mode)))
      return {
        removed: outcomes.reduce((sum, { removed }) => sum + removed, 0),
        deferred: outcomes.some(({ deferred }) => deferred),
      }
    }
    return stored.length > 0 ? this.#inSpace(spaceOf, name, remove, what) : Promise.resolve(NOTHING_REMOVED)
  }

  /** Removes one key, as it is. */
  remove(key: string, mode: InvalidationMode = 'remove', options?: SweepOptions): Promise<InvalidateResult> {
    return this.#carryOut(key, { key: this.#scope + key, mode }, options)
  }

  /** For `@CacheInvalidate`: whatever goes wrong here, the outcome of the method stands. */
  async invalidateAll(
    spaceOf: () => Space,
    name: string,
    options: InvalidateOptions,
    { key, pattern, tags }: InvalidationTargets,
    { self, args }: Pick<Call, 'self' | 'args'>,
  ): Promise<void> {
    const attempt = (targetsOf: TargetsOf) => this.#attempt(name, spaceOf, options, targetsOf)
    // Apart: where a call has no key, the others still count. And in one turn: a commit scope that nobody keeps open for
    // them ends in the next, and what comes after that is not held any more.
    await Promise.all([
      attempt(() => ({ keys: key ? [key.derive(self, args)] : [], tags: [] })),
      attempt(() => ({ keys: wordsFor(pattern, self, args), tags: [] })),
      attempt(() => ({ keys: [], tags: wordsFor(tags, self, args) })),
    ])
  }

  async #attempt(name: string, spaceOf: () => Space, options: InvalidateOptions, targetsOf: TargetsOf): Promise<void> {
    try {
      const { keys, tags } = targetsOf()
      if (keys.length === 0 && tags.length === 0) return
      const space = spaceOf()
      await Promise.all([
        ...keys.map((target) => this.#invalidate(space, target, options)),
        this.#invalidateTags(space, tags, options),
      ])
    } catch (error) {
      const message = `a call of ${name} invalidated nothing: ${messageOf(error)}`
      const code = error instanceof NoTenantError ? 'no-tenant' : 'callback-threw'
      this.#events.emit({ type: 'notice', code, level: 'error', name, message })
    }
  }

  #inSpace<T>(
    spaceOf: () => Space,
    name: string,
    use: (space: Space) => Promise<T>,
    what?: string,
  ): Promise<T | InvalidateResult> {
    return inSpace<T | InvalidateResult>(spaceOf, name, this.#events, NOTHING_REMOVED, use, what)
  }

  #carryOut(target: string | undefined, removal: Removal, options: SweepOptions = {}): Promise<InvalidateResult> {
    const carryOut = () => this.#carryOutNow(target, removal, options)
    if (options.dryRun || !inCommitScope()) return carryOut()
    // By then the work has succeeded, whatever ends this early.
    return whenCommitted(() => carryOut().catch(() => HELD), HELD)
  }

  async #carryOutNow(target: string | undefined, removal: Removal, options: SweepOptions): Promise<InvalidateResult> {
    const { ended, ...result } = await this.#sweep(removal, options)
    if (target !== undefined && !options.dryRun) {
      this.#events.emit({ type: 'invalidate', target, mode: removal.mode ?? 'remove', ...result })
    }
    if (ended) throw ended.reason
    return result
  }
}

/** Of a key that was shortened only so much is sure to be there. What keys begin with is no glob. */
function beginningWith(text: string): string {
  return `${text.slice(0, KEPT_OF_LONG_KEY)}*`
}

/** Of a tenant who is missing, nothing has been stored. */
const NOTHING_REMOVED: InvalidateResult = Object.freeze({ removed: 0, deferred: false })
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
    const target = place === 'invalidateTags' ? "['org:42']" : "'user:*'"
    throw new CacheConfigError(`${place} takes options last, as in ${place}(${target}, { mode: 'expire' })`)
  }
  refuseUnknown(options, known, place)
  return checkMode(options.mode, `${place}: mode`)
}

/** @throws CacheConfigError for what is no tag */
export function checkTag(tag: unknown): string {
  if (typeof tag === 'string' && tag !== '') return encodeTag(tag)
  const found = isTooLate(tag) ? 'a promise' : show(tag)
  throw new CacheConfigError(
    `a tag is a word that is not empty, not ${found}: write invalidateTags('org:42'), or invalidateTags(['org:42'], options)`,
  )
}

/** A key that code names directly. @throws CacheConfigError */
export function directKey(key: KeyParts, what: string): string {
  try {
    return keyOf(key, `the key given to ${what}`)
  } catch (error) {
    throw new CacheConfigError(messageOf(error))
  }
}
