import { type Algorithm, type Compression, LEVELS, USUAL } from './compression.ts'
import { type Duration, milliseconds } from './duration.ts'
import { CacheConfigError } from './errors.ts'
import { encodeTag } from './key.ts'
import { type KeyParts, type KeyPlan, planFunction, planText } from './key-plan.ts'
import { describe } from './kind.ts'
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
  readonly bypass: ((self: unknown, args: readonly unknown[]) => boolean) | undefined
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
  if (typeof raw !== 'object' || raw === null) {
    throw new CacheConfigError(`${place} needs options: write ${place.replace(/\(.*/, '')}({ ttl: '5m' })`)
  }
  refuseUnknown(raw, OPTIONS, place)
  if (raw.tenant !== undefined && raw.tenant !== false) {
    throw new CacheConfigError(`${place}: tenant is false, for what belongs to nobody, or left out`)
  }
  const plan = typeof raw.key === 'string' ? planString(raw.key, fn) : planKey(raw.key, fn, name, place)
  const staleness = planStaleness(raw, place)
  const serializer = checkSerializer(raw.serializer, place)
  const schema = checkSchema(raw.schema, place)
  return Object.freeze({
    plan,
    name: plan.head,
    ttl: planTtl(raw, place),
    tags: planTags(raw.tags, place),
    resultTags: checkFunction(raw.resultTags, 'resultTags', place),
    ...staleness,
    bypass: planBypass(raw.bypass, place),
    version: planVersion(raw.version, place),
    tier: oneOf(raw.tier ?? 'auto', ['auto', 'redis', 'memory'], 'tier', place) as TierChoice,
    serializer,
    compress: checkCompression(raw.compress, 'compress', place),
    shared: raw.tenant === false,
    tagSpace: undefined,
    schema,
    plain: serializer === undefined && schema === undefined && staleness.refreshAhead === 0,
    withDefaults: (defaults: RawPolicy) => makePolicy({ ...defaults, ...given(raw) }, fn, name, place, planString),
  })
}

/** Without what is there but undefined: that says nothing. */
export function given(raw: RawPolicy): RawPolicy {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined))
}

/** Unknown options are mistakes, mostly of spelling; a near miss is pointed out. */
export function refuseUnknown(raw: object, known: readonly string[], place: string): void {
  for (const name of Object.keys(raw)) {
    if (known.includes(name)) continue
    const near = known.find((option) => option.toLowerCase() === name.toLowerCase().replace(/[_-]/g, ''))
    throw new CacheConfigError(
      `${place} has no option '${name}'${near ? `: did you mean '${near}'?` : `; it has ${known.join(', ')}`}`,
    )
  }
}

export function checkSerializer(serializer: unknown, place: string): Serializer | undefined {
  if (serializer === undefined) return undefined
  const { serialize, deserialize } = (serializer ?? {}) as Partial<Serializer>
  if (typeof serialize === 'function' && typeof deserialize === 'function') return serializer as Serializer
  throw new CacheConfigError(`${place}: serializer needs two functions, { serialize(value), deserialize(data) }`)
}

export function checkCompression(given: unknown, option: string, place: string): Compression | boolean | undefined {
  if (given === undefined || typeof given === 'boolean') return given
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new CacheConfigError(
      `${place}: ${option} is true, false, or says how: write ${option}: { above: 10_240, algorithm: 'gzip' }, got ${show(given)}`,
    )
  }
  refuseUnknown(given, ['above', 'algorithm', 'level'], `${place}: ${option}`)
  const { above = USUAL.above, algorithm: named = USUAL.algorithm, level } = given as Record<string, unknown>
  const algorithm = oneOf(named, Object.keys(LEVELS), `${option}.algorithm`, place) as Algorithm
  const { least, most, usual } = LEVELS[algorithm]
  const whole = (value: unknown, from: number, to: number, name: string, what: string): number => {
    if (Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to) return value as number
    throw new CacheConfigError(`${place}: ${option}.${name} must be ${what}, got ${show(value)}`)
  }
  if (algorithm === 'zstd' && !hasZstd()) {
    throw new CacheConfigError(
      `${place}: ${option}.algorithm: Node has zstd from 22.15 and 23.8 on, and this is ${globalThis.process?.version}: write 'brotli' or 'gzip'`,
    )
  }
  return Object.freeze({
    above: whole(above, 0, Number.MAX_SAFE_INTEGER, 'above', 'a whole number of bytes such as 10_240'),
    algorithm,
    level: whole(level ?? usual, least, most, 'level', `a whole number from ${least} to ${most} for ${algorithm}`),
  })
}

/** Versions of Node that cannot be asked this way have none either. */
function hasZstd(): boolean {
  const zlib = globalThis.process?.getBuiltinModule?.('node:zlib')
  return zlib !== undefined && 'zstdCompress' in zlib
}

function checkSchema(schema: unknown, place: string): StandardSchema | undefined {
  const { validate } = (schema as StandardSchema | undefined)?.['~standard'] ?? {}
  if (schema === undefined || typeof validate === 'function') return schema as StandardSchema | undefined
  throw new CacheConfigError(`${place}: schema must be a Standard Schema, such as those of zod, valibot and arktype`)
}

export function oneOf(value: unknown, allowed: readonly string[], option: string, place: string): string {
  if (allowed.includes(value as string)) return value as string
  throw new CacheConfigError(
    `${place}: ${option} must be ${allowed.map((word) => `'${word}'`).join(' or ')}, got ${show(value)}`,
  )
}

function planKey(key: unknown, fn: Function, name: string | undefined, place: string): KeyPlan {
  if (typeof key === 'function') return planFunction(key as () => KeyParts, name ?? 'key function')
  if (key !== undefined) throw new CacheConfigError(`${place}: key must be a string or a function, got ${show(key)}`)
  if (name) return planText(name.replace(/[{}]/g, ''), fn)
  throw new CacheConfigError(
    `${place}: nothing here has a name to make a key of, so write one, as in key: 'user:{0.id}'`,
  )
}

function planTtl(raw: RawPolicy, place: string): Ttl {
  const { ttl } = raw
  if (ttl === undefined) throw new CacheConfigError(`${place} needs a ttl: write for instance ttl: '5m'`)
  const of = typeof ttl === 'function' ? (ttl as Callback) : undefined
  return {
    cacheIf: checkFunction(raw.cacheIf, 'cacheIf', place),
    of,
    fixedMs: of ? undefined : milliseconds(ttl as Duration, `${place}: ttl`),
    nullMs: durationOf(raw, 'nullTtl', place),
    jitter: checkJitter(raw.jitter, place),
    place,
  }
}

function durationOf(raw: RawPolicy, option: keyof RawPolicy, place: string): number | undefined {
  return raw[option] === undefined ? undefined : milliseconds(raw[option] as Duration, `${place}: ${option}`)
}

function checkJitter(jitter: unknown, place: string): number {
  if (jitter === undefined) return 0
  if (typeof jitter === 'number' && jitter >= 0 && jitter <= 1) return jitter
  throw new CacheConfigError(
    `${place}: jitter is the share of the ttl by which it may be shortened at random: write a number from 0 to 1, such as 0.1`,
  )
}

function planBypass(bypass: unknown, place: string): Policy['bypass'] {
  const callback = checkFunction(bypass, 'bypass', place)
  return callback && ((self, args) => Boolean(callback.apply(self, args as unknown[])))
}

function planStaleness(raw: RawPolicy, place: string) {
  const optional = (option: keyof RawPolicy) => durationOf(raw, option, place)
  const revalidateMs = optional('staleWhileRevalidate') ?? 0
  const ifErrorMs = optional('staleIfError') ?? 0
  const softTimeoutMs = optional('softTimeout')
  const hardTimeoutMs = optional('hardTimeout')
  if (softTimeoutMs !== undefined && ifErrorMs === 0) {
    throw new CacheConfigError(
      `${place}: softTimeout serves a stale value, so it needs staleIfError to keep one: write staleIfError: '1h'`,
    )
  }
  if (softTimeoutMs !== undefined && hardTimeoutMs !== undefined && softTimeoutMs >= hardTimeoutMs) {
    throw new CacheConfigError(`${place}: softTimeout must be shorter than hardTimeout, which ends the call`)
  }
  return {
    revalidateMs,
    ifErrorMs,
    keepStaleMs: Math.max(revalidateMs, ifErrorMs),
    refreshAhead: checkRefreshAhead(raw.refreshAhead, place),
    softTimeoutMs,
    hardTimeoutMs,
    errorMs: optional('errorTtl'),
  }
}

function checkRefreshAhead(beta: unknown, place: string): number {
  if (beta === undefined || beta === false) return 0
  if (beta === true) return 1
  if (typeof beta === 'number' && beta > 0 && beta <= 100) return beta
  throw new CacheConfigError(
    `${place}: refreshAhead is true, or a number above 0, larger to refresh earlier (1 is the usual one)`,
  )
}

function planTags(tags: unknown, place: string): Policy['tags'] {
  if (tags === undefined) return undefined
  if (typeof tags === 'function') return tags as Callback
  const fixed = Array.isArray(tags) && tags.every((tag) => typeof tag === 'string' && tag !== '')
  if (!fixed)
    throw new CacheConfigError(
      `${place}: tags must be an array of words, or a function that returns one, as in tags: ['users']`,
    )
  return [...new Set(tags.map(encodeTag))]
}

export function planVersion(version: unknown, place: string): string {
  if (version === undefined) return ''
  if (
    (typeof version === 'number' && Number.isFinite(version)) ||
    (typeof version === 'string' && /^[\w.-]{1,64}$/.test(version))
  )
    return `${version}`
  throw new CacheConfigError(
    `${place}: version must be a number or a word of letters, digits and . _ -, got ${show(version)}`,
  )
}

function checkFunction(value: unknown, option: string, place: string): Callback | undefined {
  if (value === undefined || typeof value === 'function') return value as Callback | undefined
  throw new CacheConfigError(`${place}: ${option} must be a function, got ${show(value)}`)
}

function show(value: unknown): string {
  return typeof value === 'string' ? `'${value.slice(0, 60)}'` : Array.isArray(value) ? 'an array' : describe(value)
}
