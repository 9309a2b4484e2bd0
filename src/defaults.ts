import { given, makePolicy, type RawPolicy, refuseUnknown } from './policy.ts'

/** The options of all functions of a cache, or of a namespace. */
const DEFAULTS = [
  'jitter',
  'nullTtl',
  'staleWhileRevalidate',
  'staleIfError',
  'refreshAhead',
  'softTimeout',
  'hardTimeout',
  'errorTtl',
  'tier',
  'serializer',
  'compress',
]

/** @throws CacheConfigError for what no function could have */
export function checkDefaults(defaults: RawPolicy, place: string, outer: RawPolicy = {}): RawPolicy {
  refuseUnknown(defaults, DEFAULTS, place)
  const all = Object.freeze({ ...outer, ...given(defaults) })
  makePolicy({ ...all, key: 'any', ttl: 1 }, async () => {}, undefined, place)
  return all
}
