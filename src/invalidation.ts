import { whenCommitted } from './commit-scope.ts'
import type { Driver, Removal } from './drivers/driver.ts'
import { CacheConfigError, CacheTroubleError, messageOf } from './errors.ts'
import type { Events } from './events.ts'
import type { Guard } from './guard.ts'
import { type KeyParts, keyOf } from './key-plan.ts'
import { isPattern, literalPattern, spelledPattern } from './pattern.ts'
import { ANY_TAG, encodeTag, stampKey } from './stamps.ts'
import type { Store } from './store.ts'

export interface InvalidateResult {
  /** How many entries were there and are gone. */
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
  readonly #store: Store
  readonly #guard: Guard
  readonly #events: Events
  readonly #prefix: string
  readonly #scope: string

  constructor(store: Store, guard: Guard, events: Events, prefix: string) {
    this.#store = store
    this.#guard = guard
    this.#events = events
    this.#prefix = prefix
    this.#scope = `${prefix}::`
  }

  /** @throws CacheConfigError when the target names nothing */
  async invalidate(target: KeyParts): Promise<InvalidateResult> {
    if (typeof target !== 'string' || !isPattern(target)) return this.remove(directKey(target, 'invalidate'))
    const glob = spelledPattern(target)
    return this.#carryOut(glob, { glob: literalPattern(this.#scope) + glob })
  }

  /** Ends every entry that has one of the tags: one write for each tag, however many entries there are. */
  async invalidateTags(tags: readonly string[]): Promise<InvalidateTagsResult> {
    const names = tags.map(checkTag)
    // First: whoever finds the stamp of a tag gone must be able to tell that some tag was invalidated.
    const first = names.length > 0 ? [await this.#restamp(ANY_TAG)] : []
    const results = [...first, ...(await Promise.all(names.map((tag) => this.#restamp(tag))))]
    return { deferred: results.some(({ deferred }) => deferred) }
  }

  #restamp(tag: string): Promise<InvalidateResult> {
    return this.#carryOut(`#${tag}`, { stamp: stampKey(this.#prefix, tag) })
  }

  /** Removes one key, as it is. */
  remove(key: string): Promise<InvalidateResult> {
    return this.#carryOut(key, { key: this.#scope + key })
  }

  /** For `@CacheInvalidate`: whatever goes wrong here, the outcome of the method stands. */
  async invalidateAll(name: string, targetsOf: () => InvalidationTargets): Promise<void> {
    try {
      const { keys, tags } = targetsOf()
      await Promise.all([...keys.map((target) => this.invalidate(target)), this.invalidateTags(tags)])
    } catch (error) {
      const message = `after ${name} nothing was invalidated: ${messageOf(error)}`
      this.#events.emit({ type: 'notice', code: 'callback-threw', level: 'error', name, message })
    }
  }

  #carryOut(target: string, removal: Removal): Promise<InvalidateResult> {
    return whenCommitted(() => this.#carryOutNow(target, removal), HELD)
  }

  async #carryOutNow(target: string, removal: Removal): Promise<InvalidateResult> {
    let removed = 0
    let deferred = false
    for (const { driver } of await this.#store.tiers()) {
      const count = await this.#guard('invalidate', 'invalidate', () => carryOut(driver, removal))
      if (count instanceof CacheTroubleError) {
        driver.defer(removal)
        deferred = true
      } else removed += count
    }
    this.#events.emit({ type: 'invalidate', target, removed, deferred })
    return { removed, deferred }
  }
}

/** Until the commit nothing is removed. */
const HELD: InvalidateResult = Object.freeze({ removed: 0, deferred: true })

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

async function carryOut(driver: Driver, removal: Removal): Promise<number> {
  if ('key' in removal) return driver.remove([removal.key])
  if ('stamp' in removal) {
    await driver.restamp(removal.stamp)
    return 0
  }
  let removed = 0
  for await (const keys of driver.scan(removal.glob)) removed += await driver.remove(keys)
  return removed
}
