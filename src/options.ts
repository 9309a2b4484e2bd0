import type { BreakerRules } from './breaker.ts'
import { group, must, numberWithin, oneOf, refuseUnknown, requireObject, wholeNumber } from './checks.ts'
import { type Clock, systemClock } from './clock.ts'
import { type Compression, type CompressionOptions, compressionFor } from './compression.ts'
import { checkDefaults } from './defaults.ts'
import { type Duration, milliseconds } from './duration.ts'
import type { Isolation } from './isolation.ts'
import type { Logger } from './log.ts'
import type { Serializer } from './packing.ts'
import { checkCompression, checkSerializer, planVersion, type RawPolicy } from './policy.ts'
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

const PLACE = 'createCache'
const OPTIONS = [
  'url',
  'client',
  'prefix',
  'tenant',
  'version',
  'defaults',
  'memory',
  'near',
  'commandTimeout',
  'connectTimeout',
  'breaker',
  'maxValueBytes',
  'serializer',
  'compression',
  'logger',
  'clock',
]

/** @throws CacheConfigError */
export function resolveOptions(options: CacheOptions, env: Record<string, string | undefined>): ResolvedOptions {
  requireObject(options, PLACE, "createCache({ url: 'redis://host:6379' })")
  refuseUnknown(options, OPTIONS, PLACE)
  const { url, client, tenant, logger = console, clock = systemClock } = options
  must(url === undefined || client === undefined, 'url and client contradict each other: give one of them')
  must(url === undefined || typeof url === 'string' || typeof url === 'function', 'url must be a string or a function')
  if (url && typeof url === 'string') readUrl(url, 'url')
  must(
    logger === false || [logger?.info, logger?.warn, logger?.error].every((method) => typeof method === 'function'),
    'logger needs info, warn and error, as console and pino have; or write logger: false',
  )
  must(
    tenant === undefined || typeof tenant === 'function',
    "tenant must be a function, as in tenant: () => request.getStore()?.tenantId; for one tenant alone, use cache.tenant('acme')",
  )
  const prefix = options.prefix ?? env.CACHE_PREFIX
  return Object.freeze({
    url,
    client: client === undefined ? undefined : checkClient(client),
    prefix: checkPrefix(prefix || 'cachewell'),
    prefixIsDefault: !prefix,
    tenant: tenant && tenantOf(tenant),
    version: planVersion(options.version, PLACE),
    defaults: resolveDefaults(options.defaults),
    memory: resolveMemory(options.memory),
    near: resolveNear(options.near),
    commandTimeoutMs: milliseconds(options.commandTimeout ?? '250ms', 'commandTimeout'),
    connectTimeoutMs: milliseconds(options.connectTimeout ?? '2s', 'connectTimeout'),
    breaker: resolveBreaker(options.breaker),
    maxValueBytes: wholeNumber(options.maxValueBytes ?? 1024 * 1024, 'maxValueBytes'),
    serializer: checkSerializer(options.serializer, PLACE),
    compression: compressionFor(checkCompression(options.compression, 'compression', PLACE), undefined),
    logger,
    clock,
  })
}

function resolveDefaults(defaults: FunctionDefaults = {}): RawPolicy {
  const place = `${PLACE}: defaults`
  requireObject(defaults, place, 'defaults: { jitter: 0.1 }')
  return checkDefaults(defaults, place)
}

const SPACE = { maxItems: 10_000, maxBytes: 64 * 1024 * 1024 }

function resolveMemory(memory: CacheOptions['memory'] = {}): ResolvedOptions['memory'] {
  const defaults = { ...SPACE, isolation: 'clone' as Isolation }
  const given = group(memory, `${PLACE}: memory`, defaults, 'memory: { maxItems: 10_000 }')
  const isolation = oneOf(given.isolation, ['clone', 'freeze', 'share'], 'memory.isolation', PLACE)
  return { ...checkSpace(given, 'memory'), isolation }
}

function resolveNear(near: CacheOptions['near'] = false): NearLimits | undefined {
  if (near === false) return undefined
  const example = "near: true, or near: { maxItems: 10_000, maxStaleness: '2s' }"
  const defaults = { ...SPACE, maxStaleness: '2s' }
  const given = group(near === true ? {} : near, `${PLACE}: near`, defaults, example)
  return { ...checkSpace(given, 'near'), maxStalenessMs: milliseconds(given.maxStaleness, 'near.maxStaleness') }
}

function checkSpace({ maxItems, maxBytes }: typeof SPACE, name: string): typeof SPACE {
  return {
    maxItems: wholeNumber(maxItems, `${name}.maxItems`),
    maxBytes: wholeNumber(maxBytes, `${name}.maxBytes`),
  }
}

const BREAKER = { failures: 3, failureRate: 0.5, probeAfter: '250ms', probeAtMost: '1500ms' }

function resolveBreaker(breaker: CacheOptions['breaker'] = {}): BreakerRules {
  const given = group(breaker, `${PLACE}: breaker`, BREAKER, 'breaker: { failures: 3 }')
  const { failureRate } = given
  must(numberWithin(failureRate, 0, 1), 'breaker.failureRate must be a number above 0, up to 1')
  const probeAfterMs = milliseconds(given.probeAfter, 'breaker.probeAfter')
  const probeAtMostMs = milliseconds(given.probeAtMost, 'breaker.probeAtMost')
  must(probeAfterMs <= probeAtMostMs, 'breaker.probeAtMost must not be shorter than probeAfter')
  return { failuresInARow: wholeNumber(given.failures, 'breaker.failures'), failureRate, probeAfterMs, probeAtMostMs }
}

/** Ends in no colon, holds no double one: the two that follow it in keys are where it ends, whatever comes after. */
function checkPrefix(prefix: string): string {
  const bare = typeof prefix === 'string' ? prefix.replace(/:+$/, '') : ''
  must(
    /^[\w.@/+$-]+(?::[\w.@/+$-]+)*$/.test(bare) && bare.length <= 100,
    `prefix ${JSON.stringify(prefix)} cannot stand in a key: use letters, digits and _ . / @ + - $, with single colons between, such as 'shop:prod'`,
  )
  return bare
}
