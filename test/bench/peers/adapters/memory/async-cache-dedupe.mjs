import { createCache } from 'async-cache-dedupe'

/** @type {import('../../../contestants.ts').Adapter} */
export default async function asyncCacheDedupe(_url, load, ttlMs) {
  const cache = createCache({ ttl: ttlMs / 1_000, storage: { type: 'memory', options: { size: 10_000 } } })
  cache.define('load', load)
  return (key) => cache.load(key)
}
