import { oneOf } from './checks.ts'
import type { InvalidationMode } from './drivers/driver.ts'
import type { KeyParts } from './key-plan.ts'
import type { LoadSignal } from './load-signal.ts'

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

/** What a method's success makes invalid. */
export interface InvalidationTargets {
  readonly keys: readonly KeyParts[]
  readonly tags: readonly string[]
}

/** Of a tenant who is missing, nothing has been stored. */
export const NOTHING_REMOVED: InvalidateResult = Object.freeze({ removed: 0, deferred: false })

/** @throws CacheConfigError for what is no mode */
export function checkMode(mode: unknown, place: string): InvalidationMode {
  return oneOf(mode ?? 'remove', ['remove', 'expire'], 'mode', place)
}

/** Tags one by one, or as an array, which leaves room for options. */
export type TagArguments = string[] | [tags: readonly string[], options?: InvalidateOptions]

export function tagArguments(given: TagArguments): [tags: readonly string[], options?: InvalidateOptions] {
  return Array.isArray(given[0]) ? (given as [string[]]) : [given as string[]]
}
