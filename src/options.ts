import type { BreakerRules } from './breaker.ts'
import {
  type Check,
  group,
  must,
  mustBe,
  numberWithin,
  ofType,
  oneOf,
  optional,
  or,
  readOptions,
  requireObject,
  show,
  wholeNumber,
} from './checks.ts'
import { type Clock, systemClock } from './clock.ts'
import { type Compression, type CompressionOptions, compressionFor } from './compression.ts'
import { checkDefaults } from './defaults.ts'
import { type Duration, milliseconds } from './duration.ts'
import type { Isolation } from './isolation.ts'
import type { Logger } from './log.ts'
import type { Serializer } from './packing.ts'
import { checkCompression, checkSerializer, checkVersion, type RawPolicy } from './policy.ts'
import { readUrl } from './read-url.ts'
import { checkClient, type RedisClientLike } from './redis/check-client.ts'
import type { RedisClient } from './redis/client.ts'
import type { NearLimits } from './redis/near-copies.ts'
import { type TenantResolver, tenantOf } from './tenant.ts'
import type { FunctionDefaults } from './types.ts'

/** Options of a cache. All are optional: `createCache()` needs none. */
export interface CacheOptions {
  /**
   * Where to store: `redis://`, `rediss://`, `redis+cluster://`, `redis+sentinel://` (and `rediss+…` over TLS), `memory:`
   * or `null:`, or a function that returns one of them at the first call. Left out: `CACHE_URL`, else `REDIS_URL`, else caching is off. An empty string: caching is off.
   */
  url?: string | (() => string | undefined | Promise<string | undefined>)
  /** A client to take the place of `url`. */
  client?: RedisClientLike
  /** What every key begins with, so that applications can share a Redis. Default: `CACHE_PREFIX`, else `cachewell`. */
  prefix?: string
  /**
   * Whose data a call is about: asked at each call, and put in front of its keys and tags, so that no tenant is served,
   * matches or removes what is another's. Where it answers with nothing, the cache is left out. Default: there are no
   * tenants.
   *
   * @example
   * ```ts
   * import { AsyncLocalStorage } from 'node:async_hooks'
   * import { createCache } from 'cachewell'
   *
   * const request = new AsyncLocalStorage<{ tenantId: string }>()
   * export const cache = createCache({ tenant: () => request.getStore()?.tenantId })
   * ```
   */
  tenant?: TenantResolver
  /** A shape of all results: entries of another version are misses. It counts together with that of the function. */
  version?: string | number
  /** Options for all functions of this cache, such as `{ jitter: 0.1, staleIfError: '1h' }`: each may say otherwise. */
  defaults?: FunctionDefaults
  /** Bounds of what is kept in this process. */
  memory?: {
    /** Default 10,000. */
    maxItems?: number
    /** An estimate of what the entries take, in bytes. Default 64 MiB. */
    maxBytes?: number
    /** How callers are kept from changing each other's values. Default `clone`. */
    isolation?: Isolation
  }
  /**
   * Keeps copies of what is read from Redis in this process, too. The server tells of every change, by anybody, which ends
   * the copies of it; no call is served one that may be older than `maxStaleness`. Default: none are kept. How callers are
   * kept from changing each other's values is said by `memory.isolation`.
   */
  near?:
    | boolean
    | {
        /** Default 10,000. */
        maxItems?: number
        /** An estimate of what the copies take, in bytes. Default 64 MiB. */
        maxBytes?: number
        /** Default 2 s. */
        maxStaleness?: Duration
      }
  /** How long one command may take before the call goes on without the cache. Default 250 ms. */
  commandTimeout?: Duration
  /** How long opening a connection may take, in the background. Default 2 s; callers wait at most 500 ms, once. */
  connectTimeout?: Duration
  /**
   * When a server that fails is left alone, and how often it is looked at again: a circuit breaker, one for each server.
   */
  breaker?: {
    /** Opens after so many failures in a row. Default 3. */
    failures?: number
    /** Opens when this share of the last 20 commands has failed, from above 0 to 1. Default 0.5. */
    failureRate?: number
    /** How long until the first probe. Default 250 ms, spread at random, and doubled after each probe that fails. */
    probeAfter?: Duration
    /** Default 1.5 s. */
    probeAtMost?: Duration
  }
  /** Larger values are passed through and not stored. In bytes: as encoded in Redis, estimated in memory. Default 1 MiB. */
  maxValueBytes?: number
  /** In place of JSON, for all functions of this cache. */
  serializer?: Serializer
  /** Compresses large values on their way to Redis: `true`, or how. Default: not at all. */
  compression?: boolean | CompressionOptions
  /** Shaped like `console` or pino; `false` for silence. Default `console`. */
  logger?: Logger | false
  /** Where time comes from, for tests. Default: the system's clocks. */
  clock?: Clock
}

export interface ResolvedOptions {
  readonly url: CacheOptions['url']
  readonly client: RedisClient | undefined
  readonly prefix: string
  /** Nobody chose the prefix: in production this is said once. */
  readonly prefixIsDefault: boolean
  /** What keys and tags of the running tenant begin with. */
  readonly tenant: (() => string) | undefined
  readonly version: string
  readonly defaults: RawPolicy
  readonly memory: { readonly maxItems: number; readonly maxBytes: number; readonly isolation: Isolation }
  /** `undefined`: no copies are kept. */
  readonly near: NearLimits | undefined
  readonly commandTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly breaker: BreakerRules
  readonly maxValueBytes: number
  readonly serializer: Serializer | undefined
  readonly compression: Compression | undefined
  readonly logger: Logger | false
  readonly clock: Clock
}

const duration = (usual: string) => or(usual, milliseconds)
const checkCount = wholeNumber()

/** What bounds what is kept in this process. */
const SPACE = { maxItems: or(10_000, checkCount), maxBytes: or(64 * 1024 * 1024, checkCount) }

const checkMemory = group(
  { ...SPACE, isolation: or('clone', oneOf<Isolation>('clone', 'freeze', 'share')) },
  'memory: { maxItems: 10_000 }',
)

const checkNear = group(
  { ...SPACE, maxStaleness: duration('2s') },
  "near: true, or near: { maxItems: 10_000, maxStaleness: '2s' }",
)

const checkBreaker = group(
  {
    failures: or(3, checkCount),
    failureRate: or(0.5, numberWithin(0, 1, 'a number above 0, up to 1')),
    probeAfter: duration('250ms'),
    probeAtMost: duration('1500ms'),
  },
  'breaker: { failures: 3 }',
)

const compression = checkCompression('compression')
const checkUrl = ofType<NonNullable<CacheOptions['url']>>('string', 'function')

const CHECKS = {
  url: optional((given, place) => {
    const url = checkUrl(given, place)
    if (url && typeof url === 'string') readUrl(url, 'url')
    return url
  }),
  client: optional((client) => checkClient(client as RedisClientLike)),
  prefix: (prefix: unknown) => prefix as string | undefined,
  tenant: optional((tenant, place) => {
    const what = "a function, as in () => request.getStore()?.tenantId (for one tenant alone, use cache.tenant('acme'))"
    mustBe(typeof tenant === 'function', what, tenant, place)
    return tenantOf(tenant as TenantResolver)
  }),
  version: checkVersion,
  defaults: ((defaults = {}, place) => {
    requireObject(defaults, place, 'defaults: { jitter: 0.1 }')
    return checkDefaults(defaults, place)
  }) as Check<RawPolicy>,
  memory: (memory: unknown = {}, place: string) => checkMemory(memory, place),
  near: ((near = false, place) => {
    if (near === false) return undefined
    const { maxStaleness, ...space } = checkNear(near === true ? {} : near, place)
    return { ...space, maxStalenessMs: maxStaleness }
  }) as Check<NearLimits | undefined>,
  commandTimeout: duration('250ms'),
  connectTimeout: duration('2s'),
  breaker: ((breaker = {}, place) => {
    const { failures, failureRate, probeAfter, probeAtMost } = checkBreaker(breaker, place)
    must(probeAfter <= probeAtMost, `${place}.probeAtMost must not be shorter than probeAfter`)
    return { failuresInARow: failures, failureRate, probeAfterMs: probeAfter, probeAtMostMs: probeAtMost }
  }) as Check<BreakerRules>,
  maxValueBytes: or(1024 * 1024, checkCount),
  serializer: checkSerializer,
  compression: (given: unknown, place: string) => compressionFor(compression(given, place), undefined),
  logger: ((logger = console, place) => {
    const { info, warn, error } = (logger || {}) as Partial<Logger>
    must(
      logger === false || [info, warn, error].every((method) => typeof method === 'function'),
      `${place} needs info, warn and error, as console and pino have; or write logger: false`,
    )
    return logger
  }) as Check<Logger | false>,
  clock: ((clock = systemClock, place) => {
    const names = Object.keys(systemClock) as (keyof Clock)[]
    const given = (clock ?? {}) as Partial<Clock>
    must(
      names.every((name) => typeof given[name] === 'function'),
      `${place} needs ${names.join(', ')}`,
    )
    return clock
  }) as Check<Clock>,
}

/** @throws CacheConfigError */
export function resolveOptions(
  options: CacheOptions,
  env: Record<string, string | undefined>,
  place = 'createCache',
): ResolvedOptions {
  requireObject(options, place, `${place}({ url: 'redis://host:6379' })`)
  const {
    commandTimeout: commandTimeoutMs,
    connectTimeout: connectTimeoutMs,
    ...same
  } = readOptions(options, CHECKS, place)
  must(same.url === undefined || same.client === undefined, 'url and client contradict each other: give one of them')
  // What is empty is as good as left out.
  const prefix = [same.prefix, env.CACHE_PREFIX].find((one) => (one ?? '') !== '')
  return Object.freeze({
    ...same,
    prefix: checkPrefix(prefix ?? 'cachewell'),
    prefixIsDefault: prefix === undefined,
    commandTimeoutMs,
    connectTimeoutMs,
  })
}

/** Ends in no colon, holds no double one: the two that follow it in keys are where it ends, whatever comes after. */
function checkPrefix(prefix: string): string {
  const bare = typeof prefix === 'string' ? prefix.replace(/:+$/, '') : ''
  must(
    /^[\w.@/+$-]+(?::[\w.@/+$-]+)*$/.test(bare) && bare.length <= 100,
    `prefix ${show(prefix)} cannot stand in a key: use letters, digits and _ . / @ + - $, with single colons between, such as 'shop:prod'`,
  )
  return bare
}
