import {
  areWords,
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
  wholeNumber,
} from './checks.ts'
import { type Algorithm, type Compression, LEVELS, USUAL } from './compression.ts'
import { milliseconds } from './duration.ts'
import { encodeTag } from './key.ts'
import { type KeyParts, type KeyPlan, planFunction, planText } from './key-plan.ts'
import type { Serializer } from './packing.ts'
import type { StandardSchema } from './schema.ts'
import type { AsyncFunction } from './types.ts'
import type { Originals } from './wrap.ts'

/** Where one function's values may be kept: wherever the cache stores, there without near copies, or in this process only. */
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
  /** A fresh value of it may be served as it is, and to whoever calls. */
  readonly plain: boolean
  /** Of a method whose class, and with it its name, is only known when it is called. */
  readonly ofClass?: {
    readonly label: string
    readonly named: (className: string) => Policy
    /** Of the copy of this package that has wrapped it, which may not be the one whose cache it is in. */
    readonly originals: Originals
  }
  /** What was called before there was a core asks it for the policy as the core has it. */
  readonly settled?: () => Policy
  /** The same function's, where what its options leave out is as these say. @throws CacheConfigError */
  readonly withDefaults: (defaults: RawPolicy) => Policy
}

/** The policy of a call: it depends on `self` where that tells the class of a method. */
export type PolicyOf = (self: unknown, wrapper: AsyncFunction) => Policy

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

type Callback = (...args: unknown[]) => unknown

const callback = optional(ofType<Callback>('function'))
/** `false` is what is left out, where defaults say otherwise. */
const duration: Check<number | undefined> = (value, place) =>
  value === undefined || value === false ? undefined : milliseconds(value, place)

export const checkKey = ofType<string | (() => KeyParts)>('string', 'function')

export const checkVersion: Check<string> = (version, place) => {
  mustBe(
    version === undefined ||
      Number.isFinite(version) ||
      (typeof version === 'string' && /^[\w.-]{1,64}$/.test(version)),
    'a number or a word of letters, digits and . _ -',
    version,
    place,
  )
  return `${version ?? ''}`
}

export const checkSerializer: Check<Serializer | undefined> = optional((serializer, place) => {
  const { serialize, deserialize } = (serializer ?? {}) as Partial<Serializer>
  must(
    typeof serialize === 'function' && typeof deserialize === 'function',
    `${place} needs two functions, { serialize(value), deserialize(data) }`,
  )
  return serializer as Serializer
})

/** @param option - its name */
export function checkCompression(option: string): Check<Compression | boolean | undefined> {
  const checkGroup = group(
    {
      above: or(USUAL.above, wholeNumber('a whole number of bytes such as 10_240', 0)),
      algorithm: or(USUAL.algorithm, oneOf(...(Object.keys(LEVELS) as Algorithm[]))),
      level: (level) => level,
    },
    `${option}: { above: 10_240, algorithm: 'gzip' }, or true or false`,
  )
  return (given, place) => {
    if (given === undefined || typeof given === 'boolean') return given
    const { above, algorithm, level } = checkGroup(given, place)
    must(
      algorithm !== 'zstd' || hasZstd(),
      `${place}.algorithm: zstd needs Node 22.15 or 23.8, this is ${globalThis.process?.version}: write 'brotli' or 'gzip'`,
    )
    const [least, most, usual] = LEVELS[algorithm]
    const checkLevel = wholeNumber(`a whole number from ${least} to ${most} for ${algorithm}`, least, most)
    return Object.freeze({ above, algorithm, level: checkLevel(level ?? usual, `${place}.level`) })
  }
}

/** Versions of Node that cannot be asked this way have none either. */
function hasZstd(): boolean {
  return 'zstdCompress' in (globalThis.process?.getBuiltinModule?.('node:zlib') ?? {})
}

const CHECKS = {
  key: optional(checkKey),
  ttl: ((ttl, place) => (typeof ttl === 'function' ? ttl : milliseconds(ttl, place))) as Check<Callback | number>,
  jitter: optional(
    numberWithin(-Number.MIN_VALUE, 1, 'a number from 0 to 1, such as 0.1: the share of the ttl that may be left off'),
  ),
  nullTtl: duration,
  cacheIf: callback,
  /** Encoded, or what answers them for a call. */
  tags: optional(((tags, place) => {
    if (typeof tags === 'function') return tags
    mustBe(
      Array.isArray(tags) && areWords(tags),
      "an array of words, or a function that returns one, as in tags: ['users']",
      tags,
      place,
    )
    return [...new Set(tags.map(encodeTag))]
  }) as Check<Callback | readonly string[]>),
  resultTags: callback,
  bypass: callback,
  staleWhileRevalidate: duration,
  staleIfError: duration,
  /** As a number: see {@link Policy.refreshAhead}. */
  refreshAhead: ((ahead = false, place) =>
    typeof ahead === 'boolean'
      ? Number(ahead)
      : numberWithin(
          0,
          100,
          'true, false, or a number above 0 and up to 100, larger to refresh earlier',
        )(ahead, place)) as Check<number>,
  softTimeout: duration,
  hardTimeout: duration,
  errorTtl: duration,
  version: checkVersion,
  tier: or('auto', oneOf<TierChoice>('auto', 'redis', 'memory')),
  serializer: checkSerializer,
  compress: checkCompression('compress'),
  /** Whether it is of no tenant. */
  tenant: ((tenant, place) => {
    mustBe(tenant === undefined || tenant === false, 'false or left out', tenant, place)
    return tenant === false
  }) as Check<boolean>,
  schema: optional((schema, place) => {
    must(
      typeof (schema as StandardSchema | undefined)?.['~standard']?.validate === 'function',
      `${place} must be a Standard Schema, as of zod, valibot or arktype`,
    )
    return schema as StandardSchema
  }),
}
export const OPTIONS = Object.keys(CHECKS)

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
  const read = readOptions(raw, CHECKS, place)
  const { key, ttl, jitter = 0, nullTtl: nullMs, cacheIf, serializer, schema, refreshAhead } = read
  const { staleWhileRevalidate: revalidateMs = 0, staleIfError: ifErrorMs = 0 } = read
  const { softTimeout: softTimeoutMs, hardTimeout: hardTimeoutMs } = read
  must(
    softTimeoutMs === undefined || ifErrorMs > 0,
    `${place}: softTimeout serves a stale value, so it needs staleIfError: write staleIfError: '1h'`,
  )
  must(
    (softTimeoutMs ?? 0) < (hardTimeoutMs ?? Infinity),
    `${place}: softTimeout must be shorter than hardTimeout, which ends the call`,
  )
  const plan = typeof key === 'string' ? planString(key, fn) : planKey(key, fn, name, place)
  const [of, fixedMs] = typeof ttl === 'function' ? [ttl] : [undefined, ttl]
  return Object.freeze({
    plan,
    name: plan.head,
    ttl: { cacheIf, of, fixedMs, nullMs, jitter, place },
    tags: read.tags,
    resultTags: read.resultTags,
    revalidateMs,
    ifErrorMs,
    keepStaleMs: Math.max(revalidateMs, ifErrorMs),
    refreshAhead,
    softTimeoutMs,
    hardTimeoutMs,
    errorMs: read.errorTtl,
    bypass: read.bypass,
    version: read.version,
    tier: read.tier,
    serializer,
    compress: read.compress,
    shared: read.tenant,
    tagSpace: undefined,
    schema,
    plain: !serializer && !schema && !read.tags && !read.bypass && refreshAhead === 0,
    withDefaults: (defaults: RawPolicy) => makePolicy({ ...defaults, ...given(raw) }, fn, name, place, planString),
  })
}

/** Without what is there but undefined: that says nothing. */
export function given(raw: RawPolicy): RawPolicy {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined))
}

function planKey(key: (() => KeyParts) | undefined, fn: Function, name: string | undefined, place: string): KeyPlan {
  if (key) return planFunction(key, name ?? 'key function')
  must(name, `${place}: nothing here has a name to make a key of, so write one, as in key: 'user:{0.id}'`)
  return planName(name, fn)
}

/** A name is no template. */
export function planName(name: string, fn: Function): KeyPlan {
  return planText(name.replace(/[{}]/g, ''), fn)
}
