import type { DirectAccess } from './direct.ts'
import type { Events } from './events.ts'
import type { Invalidation } from './invalidation.ts'
import type { Names } from './names.ts'
import type { ReadThrough } from './read-through.ts'

/**
 * A cache behind its doors (`cached`, the decorators, the functions of the default instance). Copies of this package
 * that are loaded side by side use each other's default through it, so what is in it only ever grows.
 */
export interface CacheEngine {
  readonly path: ReadThrough
  readonly direct: DirectAccess
  readonly invalidation: Invalidation
  readonly events: Events
  close(): Promise<void>
}

/** Where functions are declared, which may be long before the cache itself is made. */
export interface Home {
  readonly names: Names
  engine(): CacheEngine
}
