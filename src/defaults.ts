import { refuseUnknown } from './checks.ts'
import { given, makePolicy, OPTIONS, type RawPolicy } from './policy.ts'

/** What is said of one function alone: of all of them a cache has an option of its own, or nothing to say. */
const OF_ONE = ['key', 'ttl', 'cacheIf', 'tags', 'resultTags', 'bypass', 'version', 'tenant', 'schema']
/** The options of all functions of a cache, or of a namespace. */
const DEFAULTS = OPTIONS.filter((option) => !OF_ONE.includes(option))

/** @throws CacheConfigError for what no function could have */
export function checkDefaults(defaults: RawPolicy, place: string, outer: RawPolicy = {}): RawPolicy {
  refuseUnknown(defaults, DEFAULTS, place)
  const all = Object.freeze({ ...outer, ...given(defaults) })
  // Where there are none, there is nothing to check, and a program that starts has other things to do.
  if (Object.keys(all).length > 0) makePolicy({ ...all, key: 'any', ttl: 1 }, async () => {}, undefined, place)
  return all
}
