import { Cacheable } from 'cacheable'

/** @type {import('../../../contestants.ts').Adapter} */
export default async function cacheable(_url, load, ttlMs) {
  const cache = new Cacheable()
  return (key) => cache.getOrSet(key, () => load(key), { ttl: ttlMs })
}
