import { type Cache, cacheOver, createEngine } from './cache.ts'
import { must } from './checks.ts'
import type { CacheEngine, Home } from './engine.ts'
import { messageOf } from './errors.ts'
import { kindOf } from './kind.ts'
import { Names } from './names.ts'
import { ofProcess } from './of-process.ts'
import type { CacheOptions } from './options.ts'

export interface DefaultHome extends Home {
  names: Names
  options: CacheOptions | undefined
  made: CacheEngine | undefined
}

/** For who is to stand in its place for a while, too: what `engine` returns is what all copies of this package use. */
export function defaultHome(): DefaultHome {
  return ofProcess<DefaultHome>('cachewell/1', () => ({
    names: new Names(),
    options: undefined,
    made: undefined,
    engine() {
      this.made ??= this.options ? createEngine(this.options) : engineByEnvironment()
      return this.made
    },
  }))
}

/**
 * Made at a call, where a mistake in the environment can no longer be thrown: caching is off then, and the log says why.
 */
function engineByEnvironment(): CacheEngine {
  try {
    return createEngine({})
  } catch (error) {
    const engine = createEngine({ url: 'null:', prefix: 'cachewell' })
    const message = `caching is off, since what the environment says is not usable: ${messageOf(error)}`
    engine.events.emit({ type: 'notice', code: 'caching-off', level: 'error', name: 'cache', message })
    return engine
  }
}

/** Looks the home up each time it is used, so that loading this module does nothing. */
const home: Home = {
  get names() {
    return defaultHome().names
  },
  engine: () => defaultHome().engine(),
}

/** The default cache: made at its first use. */
export const defaultCache: Cache = /* @__PURE__ */ cacheOver(home)

/**
 * Sets the options of the default cache, before its first use. The same options again change nothing.
 *
 * @throws CacheConfigError when the options make no sense, when the default cache is already in use with others, or
 * when it was configured differently before
 *
 * @example
 * ```ts
 * import { configureCache } from 'cachewell'
 *
 * configureCache({ url: process.env.STATS_CACHE_URL ?? '', prefix: 'stats' })
 * ```
 */
export function configureCache(options: CacheOptions): void {
  const slot = defaultHome()
  if (slot.options !== undefined && same(slot.options, options)) return
  const why = slot.options
    ? 'before with other options: call it in one place, or use createCache'
    : 'after the first use of the default cache: call it where the program starts'
  must(!slot.made && !slot.options, `configureCache was called ${why}`)
  // Made at once, so that a mistake shows here; nothing is opened yet.
  slot.made = createEngine(options, undefined, 'configureCache')
  slot.options = options
}

/** Options are plain objects, of which some hold others; all else that they hold is the same or is not. */
function same(some: unknown, others: unknown): boolean {
  if (!isPlain(some) || !isPlain(others)) return Object.is(some, others)
  const names = new Set([...Object.keys(some), ...Object.keys(others)])
  return [...names].every((name) => same(some[name], others[name]))
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && kindOf(value) === 'object'
}
