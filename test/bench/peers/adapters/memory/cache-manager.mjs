import { createCache } from 'cache-manager'

/** @type {import('../../../contestants.ts').Adapter} */
export default async function cacheManager(_url, load, ttlMs) {
  const cache = createCache()
  return (key) => cache.wrap(key, () => load(key), ttlMs)
}
