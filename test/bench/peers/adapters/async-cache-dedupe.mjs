import { createCache } from 'async-cache-dedupe'
import { Redis } from 'ioredis'

/** @type {import('../../contestants.ts').Adapter} */
export default async function asyncCacheDedupe(url, load, ttlMs) {
  const cache = createCache({ ttl: ttlMs / 1_000, storage: { type: 'redis', options: { client: new Redis(url) } } })
  cache.define('load', load)
  return (key) => cache.load(key)
}
