import type { DirectAccess } from './direct.ts'
import type { Removal } from './drivers/driver.ts'
import type { CacheStats, Events } from './events.ts'
import type { InvalidateResult, Invalidation } from './invalidation.ts'
import type { LineOf } from './log.ts'
import type { Names } from './names.ts'
import type { ReadThrough } from './read-through.ts'
import type { Near, StoreTier } from './tier.ts'

/** What doors hand calls of cached functions to. */
export type CallPath = Pick<ReadThrough, 'run' | 'refresh' | 'peek' | 'set' | 'update'>

/** What doors hand reads and writes by key to. */
export type Direct = Pick<DirectAccess, 'get' | 'getMany' | 'set' | 'setMany' | 'increment'>

/**
 * A cache behind its doors (`cached`, the decorators, the functions of the default instance). Copies of this package
 * that are loaded side by side use each other's default through it, so what is in it only ever grows.
 *
 * Until the first call `path` and `direct` are stand-ins, whose methods load what they stand in for, go on there, and
 * have it put in their place. So doors ask for them anew at each call, and need to know nothing of loading.
 */
export interface CacheEngine {
  path: CallPath
  direct: Direct
  readonly invalidation: Invalidation
  readonly events: Events
  stats(): CacheStats
  barrier(): Promise<void>
  close(): Promise<void>
}

/** What only calls need. */
export interface Core {
  /** For the log: what there is to say of an event. */
  readonly lineOf: LineOf
  readonly path: CallPath
  readonly direct: Direct
  /** What is kept in this process of what stands in Redis, where something is. */
  near(): Near | undefined
  /** Every place that may hold something, the nearest first. */
  tiers(): Promise<readonly StoreTier[]>
  /** Removes from every place that may hold something, or sees to it that it will be. */
  remove(removal: Removal): Promise<InvalidateResult>
  /** The number of invalidations that could not be carried out. */
  close(): Promise<number>
}

/** Where functions are declared, which may be long before the cache itself is made. */
export interface Home {
  readonly names: Names
  engine(): CacheEngine
}
