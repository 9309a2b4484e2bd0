import { oneOf, or } from './checks.ts'
import type { InvalidationMode } from './drivers/driver.ts'
import type { KeyPlan } from './key-plan.ts'
import type { LoadSignal } from './load-signal.ts'
import { isTooLate } from './too-late.ts'

export interface InvalidateOptions {
  /**
   * What becomes of the values. `remove`, the default: they are gone. `expire`: they are not served any more either, but
   * a function with `staleIfError` falls back on them when its next run fails, or takes longer than its `softTimeout`.
   */
  mode?: InvalidationMode
}

/** How far an invalidation by pattern has come. */
export interface InvalidateProgress {
  /** About how many keys have been looked at, of all that the store holds: in Redis, in steps of a thousand. */
  readonly scanned: number
  /** How many of them match. */
  readonly matched: number
  /** How many entries are gone, or have expired. In a dry run, none. */
  readonly removed: number
}

/** For a pattern, which may take a while: the whole of Redis is looked through. */
export interface SweepOptions extends InvalidateOptions {
  /**
   * Called after each step. What it throws, or rejects with, ends the invalidation, as `signal` does; a promise is not
   * waited for.
   */
  onProgress?: (progress: InvalidateProgress) => void
  /**
   * Ends it, after the step that is under way: it rejects with the signal's reason. What has been removed stays removed;
   * the rest stays, and is not noted for later.
   */
  signal?: LoadSignal
  /** Removes nothing, and only counts: {@link InvalidateResult.matched}. In a `commitScope` too it counts at once. */
  dryRun?: boolean
}

export interface InvalidateResult {
  /** How many entries were there and are gone, or have expired. */
  readonly removed: number
  /**
   * Redis was away: the removal is noted and carried out before this process is served from Redis again. Or it was
   * asked for in a `commitScope`, and is carried out at its end.
   */
  readonly deferred: boolean
  /**
   * Of a dry run: how many would be removed, loads under way included. A key may count twice while Redis makes its table
   * smaller or larger. Left out where the store does not say.
   */
  readonly matched?: number | undefined
}

export interface InvalidateTagsResult {
  /** Redis was away: it is noted and carried out before this process is served from Redis again. */
  readonly deferred: boolean
}

/** Words, or what answers them for a call. */
export type Words = readonly string[] | ((...args: unknown[]) => string | readonly string[])

/** The words for a call. @throws what the callback throws */
export function wordsFor(words: Words = [], self: unknown, args: readonly unknown[]): readonly string[] {
  if (typeof words !== 'function') return words
  const answers = [words.apply(self, [...args])].flat()
  answers.forEach(isTooLate)
  return answers
}

/** What a method's success makes invalid. */
export interface InvalidationTargets {
  readonly key: KeyPlan | undefined
  readonly pattern: Words | undefined
  readonly tags: Words | undefined
}

export const checkMode = or('remove', oneOf<InvalidationMode>('remove', 'expire'))

/** Tags one by one, or as an array, which leaves room for options. */
export type TagArguments = string[] | [tags: readonly string[], options?: InvalidateOptions]
