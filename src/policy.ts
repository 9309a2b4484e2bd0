import { group, isObject, must, numberWithin, oneOf, refuseUnknown, show, wholeNumber } from './checks.ts'
import { type Algorithm, type Compression, LEVELS, USUAL } from './compression.ts'
import { type Duration, milliseconds } from './duration.ts'
import { encodeTag } from './key.ts'
import { type KeyParts, type KeyPlan, planFunction, planText } from './key-plan.ts'
import type { Serializer } from './packing.ts'
import type { StandardSchema } from './schema.ts'

/** Where one function's values may be kept: wherever the cache stores, or in this process only. */
export type TierChoice = 'auto' | 'redis' | 'memory'

/** The options of one function, checked and frozen where it is declared. */
export interface Policy {
  readonly plan: KeyPlan
  /** Shown in events and logs. */
  readonly name: string
  /** What says how long results are kept: `ttlOf` in `answers.ts` asks it. */
  readonly ttl: Ttl
  /** Tags that are known before the load: encoded, or what answers them for a call. */
  readonly tags: readonly string[] | Callback | undefined
  /** What answers the tags that only the result tells. */
  readonly resultTags: Callback | undefined
  /** How long past its ttl a value is served while it is renewed in the background, in ms. */
  readonly revalidateMs: number
  /** How long past its ttl a value is served when the function fails, in ms. */
  readonly ifErrorMs: number
  /** How long past its ttl a value is kept for either. */
  readonly keepStaleMs: number
  /** Renews a value before it is stale, the sooner the larger; 0: never. */
  readonly refreshAhead: number
  /** How long a call with a stale value at hand waits for a new one, in ms. */
  readonly softTimeoutMs: number | undefined
  /** How long a call waits at all, in ms. */
  readonly hardTimeoutMs: number | undefined
  /** How long a failed load is remembered, in ms: others do not wait for the next one. */
  readonly errorMs: number | undefined
  readonly bypass: Callback | undefined
  readonly version: string
  readonly tier: TierChoice
  readonly serializer: Serializer | undefined
  /** Left out: as the cache does. */
  readonly compress: Compression | boolean | undefined
  /** Nobody's data, in a cache that has tenants. */
  readonly shared: boolean
  /** What its tags begin with, of the tenant who calls. @throws NoTenantError */
  readonly tagSpace: (() => string) | undefined
  /** What values have to fit to be stored and served. */
  readonly schema: StandardSchema | undefined
  /** A fresh value of it may be served as it is. */
  readonly plain: boolean
  /** The same function's, where what its options leave out is as these say. @throws CacheConfigError */
  readonly withDefaults: (defaults: RawPolicy) => Policy
}

interface Ttl {
  /** In ms; `undefined` where `of` answers. */
  readonly fixedMs: number | undefined
  readonly of: Callback | undefined
  /** How long null is kept, in ms; `undefined`: not at all. */
  readonly nullMs: number | undefined
  readonly cacheIf: Callback | undefined
  /** The share of the ttl by which it may be shortened at random. */
  readonly jitter: number
  readonly place: string
}

/** The options as they come in, with the callbacks' types already checked by the compiler or given up on. */
export interface RawPolicy {
  readonly key?: unknown
  readonly ttl?: unknown
  readonly jitter?: unknown
  readonly nullTtl?: unknown
  readonly cacheIf?: unknown
  readonly tags?: unknown
  readonly staleWhileRevalidate?: unknown
  readonly staleIfError?: unknown
  readonly refreshAhead?: unknown
  readonly softTimeout?: unknown
  readonly hardTimeout?: unknown
  readonly errorTtl?: unknown
  readonly resultTags?: unknown
  readonly bypass?: unknown
  readonly version?: unknown
  readonly tier?: unknown
  readonly serializer?: unknown
  readonly compress?: unknown
  readonly tenant?: unknown
  readonly schema?: unknown
}

export const OPTIONS = [
  'key',
  'ttl',
  'jitter',
  'nullTtl',
  'cacheIf',
  'tags',
  'resultTags',
  'bypass',
  'staleWhileRevalidate',
  'staleIfError',
  'refreshAhead',
  'softTimeout',
  'hardTimeout',
  'errorTtl',
  'version',
  'tier',
  'serializer',
  'compress',
  'tenant',
  'schema',
]
type Callback = (...args: unknown[]) => unknown

/**
 * @param planString - what a string key means: by default one to which the arguments are appended
 * @param name - what the key begins with where none is given; `undefined` where nothing sure is known
 * @throws CacheConfigError
 */
export function makePolicy(
  raw: RawPolicy,
  fn: Function,
  name: string | undefined,
  place: string,
  planString = planText,
): Policy {
  must(isObject(raw), `${place} needs options: write ${place.replace(/\(.*/, '')}({ ttl: '5m' })`)
  refuseUnknown(raw, OPTIONS, place)
  const callback = (option: keyof RawPolicy): Callback | undefined => {
    const value = raw[option]
    must(
      value === undefined || typeof value === 'function',
      `${place}: ${option} must be a function, got ${show(value)}`,
    )
    return value as Callback | undefined
  }
  const duration = (option: keyof RawPolicy) =>
    raw[option] === undefined ? undefined : milliseconds(raw[option] as Duration, `${place}: ${option}`)

  const { key, ttl, jitter = 0, refreshAhead = false, tags, tenant } = raw
  must(tenant === undefined || tenant === false, `${place}: tenant is false or left out`)
  const plan = typeof key === 'string' ? planString(key, fn) : planKey(key, fn, name, place)
  const revalidateMs = duration('staleWhileRevalidate') ?? 0
  const ifErrorMs = duration('staleIfError') ?? 0
  const softTimeoutMs = duration('softTimeout')
  const hardTimeoutMs = duration('hardTimeout')
  must(
    softTimeoutMs === undefined || ifErrorMs > 0,
    `${place}: softTimeout serves a stale value, so it needs staleIfError: write staleIfError: '1h'`,
  )
  must(
    (softTimeoutMs ?? 0) < (hardTimeoutMs ?? Infinity),
    `${place}: softTimeout must be shorter than hardTimeout, which ends the call`,
  )
  const beta = typeof refreshAhead === 'boolean' ? Number(refreshAhead) : refreshAhead
  must(
    beta === 0 ? refreshAhead === false : numberWithin(beta, 0, 100),
    `${place}: refreshAhead is true, or a number above 0 and up to 100, larger to refresh earlier`,
  )
  must(ttl !== undefined, `${place} needs a ttl: write for instance ttl: '5m'`)
  must(
    jitter === 0 || numberWithin(jitter, 0, 1),
    `${place}: jitter is the share of the ttl that may be left off: write a number from 0 to 1, such as 0.1`,
  )
  const serializer = checkSerializer(raw.serializer, place)
  const schema = checkSchema(raw.schema, place)
  return Object.freeze({
    plan,
    name: plan.head,
    ttl: {
      cacheIf: callback('cacheIf'),
      of: typeof ttl === 'function' ? (ttl as Callback) : undefined,
      fixedMs: typeof ttl === 'function' ? undefined : duration('ttl'),
      nullMs: duration('nullTtl'),
      jitter,
      place,
    },
    tags: planTags(tags, place),
    resultTags: callback('resultTags'),
    revalidateMs,
    ifErrorMs,
    keepStaleMs: Math.max(revalidateMs, ifErrorMs),
    refreshAhead: beta as number,
    softTimeoutMs,
    hardTimeoutMs,
    errorMs: duration('errorTtl'),
    bypass: callback('bypass'),
    version: planVersion(raw.version, place),
    tier: oneOf(raw.tier ?? 'auto', ['auto', 'redis', 'memory'], 'tier', place),
    serializer,
    compress: checkCompression(raw.compress, 'compress', place),
    shared: tenant === false,
    tagSpace: undefined,
    schema,
    plain: serializer === undefined && schema === undefined && beta === 0,
    withDefaults: (defaults: RawPolicy) => makePolicy({ ...defaults, ...given(raw) }, fn, name, place, planString),
  })
}

/** Without what is there but undefined: that says nothing. */
export function given(raw: RawPolicy): RawPolicy {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined))
}

function planKey(key: unknown, fn: Function, name: string | undefined, place: string): KeyPlan {
  if (typeof key === 'function') return planFunction(key as () => KeyParts, name ?? 'key function')
  must(key === undefined, `${place}: key must be a string or a function, got ${show(key)}`)
  must(name, `${place}: nothing here has a name to make a key of, so write one, as in key: 'user:{0.id}'`)
  return planText(name.replace(/[{}]/g, ''), fn)
}

function planTags(tags: unknown, place: string): Policy['tags'] {
  if (tags === undefined || typeof tags === 'function') return tags as Callback | undefined
  must(
    Array.isArray(tags) && tags.every((tag) => typeof tag === 'string' && tag !== ''),
    `${place}: tags must be an array of words, or a function that returns one, as in tags: ['users']`,
  )
  return [...new Set(tags.map(encodeTag))]
}

export function planVersion(version: unknown, place: string): string {
  if (version === undefined) return ''
  must(
    Number.isFinite(version) || (typeof version === 'string' && /^[\w.-]{1,64}$/.test(version)),
    `${place}: version must be a number or a word of letters, digits and . _ -, got ${show(version)}`,
  )
  return `${version}`
}

export function checkSerializer(serializer: unknown, place: string): Serializer | undefined {
  const { serialize, deserialize } = (serializer ?? {}) as Partial<Serializer>
  must(
    serializer === undefined || (typeof serialize === 'function' && typeof deserialize === 'function'),
    `${place}: serializer needs two functions, { serialize(value), deserialize(data) }`,
  )
  return serializer as Serializer | undefined
}

export function checkCompression(given: unknown, option: string, place: string): Compression | boolean | undefined {
  if (given === undefined || typeof given === 'boolean') return given
  const at = `${place}: ${option}`
  const { level, ...chosen } = group(
    given as object,
    at,
    { ...USUAL, level: undefined as unknown },
    `${option}: { above: 10_240, algorithm: 'gzip' }, or true or false`,
  )
  const algorithm = oneOf(chosen.algorithm, Object.keys(LEVELS) as Algorithm[], `${option}.algorithm`, place)
  must(
    algorithm !== 'zstd' || hasZstd(),
    `${at}.algorithm: zstd needs Node 22.15 or 23.8, and this is ${globalThis.process?.version}: write 'brotli' or 'gzip'`,
  )
  const [least, most, usual] = LEVELS[algorithm]
  const levels = `a whole number from ${least} to ${most} for ${algorithm}`
  return Object.freeze({
    above: wholeNumber(chosen.above, `${at}.above`, 'a whole number of bytes such as 10_240', 0),
    algorithm,
    level: wholeNumber(level ?? usual, `${at}.level`, levels, least, most),
  })
}

/** Versions of Node that cannot be asked this way have none either. */
function hasZstd(): boolean {
  return 'zstdCompress' in (globalThis.process?.getBuiltinModule?.('node:zlib') ?? {})
}

function checkSchema(schema: unknown, place: string): StandardSchema | undefined {
  const { validate } = (schema as StandardSchema | undefined)?.['~standard'] ?? {}
  must(
    schema === undefined || typeof validate === 'function',
    `${place}: schema must be a Standard Schema, as of zod, valibot or arktype`,
  )
  return schema as StandardSchema | undefined
}
