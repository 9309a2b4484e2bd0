import { type Cache, cacheOver } from '../cache.ts'
import { refuseUnknown } from '../checks.ts'
import { type Duration, milliseconds } from '../duration.ts'
import type { CacheEngine, Home } from '../engine.ts'
import { CacheConfigError } from '../errors.ts'
import { directKey } from '../invalidator.ts'
import type { KeyParts } from '../key-plan.ts'
import { Names } from '../names.ts'
import type { CacheOptions } from '../options.ts'
import { type Assertions, assertionsOf } from './assertions.ts'
import type { Recorded } from './recording.ts'
import { type Target, tenantNow, wantedOf } from './target.ts'
import { TestClock } from './test-clock.ts'
import { beginTestRun } from './test-run.ts'

/** Options of a test cache. All are optional. */
export interface TestCacheOptions
  extends Pick<
    CacheOptions,
    'prefix' | 'tenant' | 'version' | 'defaults' | 'commandTimeout' | 'maxValueBytes' | 'serializer' | 'logger'
  > {
  /** To go by the clock of another test cache. Default: one of its own. */
  clock?: TestClock
}

/**
 * A cache without a Redis that behaves as one on Redis does: the same path of a call, the same encoding of values, the same
 * events. What happens is recorded, time stands still until it is moved, and the store can be made to fail.
 */
export interface TestCache extends Cache, Recorded, Assertions {
  /** All time that the cache knows. It stands still until it is advanced. */
  readonly clock: TestClock
  /** What was recorded of one function, key or pattern. */
  of(target: Target): Recorded
  /** The keys that are stored, below the prefix, sorted; also those of values that are stale. */
  keys(): Promise<string[]>
  /** As if Redis were gone: calls go to their functions, and what is invalidated is deferred. */
  down(): void
  /** As if Redis were well again: ends what `down`, `slow` and `full` have begun. What was deferred is carried out. */
  up(): void
  /**
   * Every command takes so long from now on, **by the clock of the test cache**: advance it while a call is under way. A
   * command that takes longer than `commandTimeout` (250 ms) is given up, as everywhere.
   */
  slow(duration: Duration): void
  /** As if Redis had no memory left: what is stored can be read and removed, and nothing more is stored. */
  full(): void
  /**
   * Spoils what is stored at a key, or everything: it cannot be read, which is a miss, until another value takes its place.
   * @throws CacheConfigError when no value is stored there
   */
  corrupt(key?: KeyParts): Promise<void>
  /** Begins anew: nothing is stored, recorded, deferred or wrong. Listeners are gone; the clock stays where it is. */
  reset(): void
}

/** A test cache, and what tells of the engine that is its present one. */
export interface MadeTestCache {
  readonly cache: TestCache
  readonly engine: () => CacheEngine
}

/**
 * Makes an independent cache for tests, to be handed to the code under test. For code that uses the default cache
 * (`@Cached`, `cached`) there is {@link useTestCache}.
 *
 * @throws CacheConfigError when the options make no sense
 *
 * @example
 * ```ts
 * import { createTestCache } from 'cachewell/testing'
 *
 * const cache = createTestCache()
 * const price = cache.cached(async (sku: string) => ({ sku, cents: 995 }), { key: 'price', ttl: '1m' })
 *
 * await price('a')
 * await price('a')
 * cache.assertLoaded(() => price('a')) // once, for both of them
 * await cache.clock.advance('1m')
 * await cache.assertNotCached(() => price('a'))
 * ```
 */
export function createTestCache(options: TestCacheOptions = {}): TestCache {
  return makeTestCache(options).cache
}

const OPTIONS: readonly (keyof TestCacheOptions)[] = [
  ...(['prefix', 'tenant', 'version', 'defaults', 'commandTimeout', 'maxValueBytes'] as const),
  ...(['serializer', 'logger', 'clock'] as const),
]

export function makeTestCache({ clock = new TestClock(), ...options }: TestCacheOptions): MadeTestCache {
  refuseUnknown(options, OPTIONS, 'a test cache')
  const begin = () => beginTestRun({ prefix: 'test', logger: false, ...options }, clock)
  let run = begin()
  const home: Home = { names: new Names(), engine: () => run.engine, settled: true }
  const recorded = (target?: Target) =>
    run.recording.recorded(target === undefined ? undefined : wantedOf(target, run.engine, 'of'))

  const cache: TestCache = {
    ...cacheOver(home),
    ...assertionsOf(() => run, clock),
    clock,
    get calls() {
      return recorded().calls
    },
    get hits() {
      return recorded().hits
    },
    get misses() {
      return recorded().misses
    },
    get loads() {
      return recorded().loads
    },
    get invalidations() {
      return recorded().invalidations
    },
    get events() {
      return recorded().events
    },
    of: recorded,
    async keys() {
      await clock.settle()
      return run.contents.keys()
    },
    down: () => run.standIn.down(),
    up: () => run.standIn.up(),
    slow: (duration) => run.standIn.slow(milliseconds(duration, 'slow')),
    full: () => run.standIn.full(),
    async corrupt(key) {
      const stored = await cache.keys()
      const names = key === undefined ? stored : [tenantNow(run.engine, 'corrupt') + directKey(key, 'corrupt')]
      if (names.filter((name) => run.contents.corrupt(name)).length > 0) return
      const what = key === undefined ? 'nothing is stored' : `no value is stored at ${names[0]}`
      throw new CacheConfigError(`corrupt: ${what}; there are ${stored.join(', ') || 'no keys'}`)
    },
    reset() {
      run = begin()
    },
  }
  return { cache, engine: home.engine }
}
