import { type DefaultHome, defaultHome } from '../configure.ts'
import type { CacheEngine } from '../engine.ts'
import { Names } from '../names.ts'
import { makeTestCache, type TestCache, type TestCacheOptions } from './test-cache.ts'

/** A test cache that stands in the place of the default cache, until it is taken away. */
export interface InstalledTestCache extends TestCache {
  /** Puts back what was there before. */
  restore(): void
  /** The same, for `using cache = useTestCache()`. */
  [Symbol.dispose](): void
}

/** What is asked for the default's engine meanwhile. */
interface Stand {
  (): CacheEngine
  readonly below: Pick<DefaultHome, 'engine' | 'names'>
  ended: boolean
}

/**
 * Puts a test cache in the place of the default cache, for all that uses `@Cached`, `cached`, `invalidate` and the others of
 * `cachewell`, wherever it was imported: which cache they use is found out when they are called. Begin each test with one
 * and call `restore()` after it, or write `using cache = useTestCache()`.
 *
 * @throws CacheConfigError when the options make no sense
 *
 * @example
 * ```ts
 * import { cached } from 'cachewell'
 * import { useTestCache } from 'cachewell/testing'
 *
 * const rates = cached(async (base: string) => ({ base, usd: 1.1 }), { key: 'rates', ttl: '5m' })
 *
 * using cache = useTestCache()
 * await rates('EUR')
 * await cache.assertCached(() => rates('EUR'))
 * ```
 */
export function useTestCache(options: TestCacheOptions = {}): InstalledTestCache {
  const { cache, engine } = makeTestCache(options)
  const home = defaultHome()
  // By copies of this package that know nothing of it, too: all of them ask the one home.
  const stand: Stand = Object.assign(() => engine(), {
    below: { engine: home.engine, names: home.names },
    ended: false,
  })
  home.engine = stand
  // Modules may be evaluated anew for each test, and declare the same functions again.
  home.names = new Names()
  const restore = () => {
    stand.ended = true
    for (let { engine } = home; isEnded(engine); engine = home.engine) Object.assign(home, engine.below)
  }
  // Jest's globals are those of a bare context, which has no such symbol before Node 24.
  return Object.assign(cache, { restore }, Symbol.dispose && { [Symbol.dispose]: restore }) as InstalledTestCache
}

/** Two that were put one above the other may be taken away in any order. */
function isEnded(engine: DefaultHome['engine']): engine is Stand {
  return 'ended' in engine && engine.ended === true
}
