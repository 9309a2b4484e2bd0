import type { CacheOptions } from 'cachewell'
import type { Play } from './play.ts'

/** Where a fault happens: what the cache stores in, and all that is needed to break and to heal it. */
export interface Ground extends AsyncDisposable {
  readonly where: Pick<CacheOptions, 'url' | 'client'>
  /** Makes the name of an entry that the fault concerns: in a cluster not every server is broken. Default: the word. */
  nameOf?(word: string): string
  /** An entry that the fault does not concern. */
  readonly elsewhere?: string
}

/** How the cache comes to lose its connection. */
export type Loss =
  /** It does not. */
  | 'none'
  /** It is told. */
  | 'told'
  /** It finds out, by calls that get no answer. */
  | 'found out'

/** One row of the table: a fault as data, for `runFault`. */
export interface Fault<G extends Ground = Ground> {
  /** As it stands in the table. */
  readonly name: string
  open(): Promise<G>
  apply(ground: G, play: Play): Promise<unknown>
  heal(ground: G, play: Play): Promise<unknown>
  readonly loss: Loss
  /**
   * Where the connection cannot be had again before `heal`: what its absence is put down to in the end. What a caller sees
   * is looked at only then. Left out, it is looked at in the turn of the loop in which the connection is lost.
   */
  readonly lasting?: RegExp
  /** How long one call may take, without the slack for a busy machine. */
  readonly costMs: number
  /** How long until calls are served from the cache again once all is well. Default 2 s. */
  readonly recoveryMs?: number
  /** Calls go on for so long before it is healed. Default: a few of them. */
  readonly forMs?: number
  /** Other than the defaults. */
  readonly options?: Pick<CacheOptions, 'commandTimeout'>
  /** How much every value weighs. Default next to nothing. */
  readonly payloadBytes?: number
}
