import { cachified } from '@epic-web/cachified'
import { LRUCache } from 'lru-cache'

/** @type {import('../../../contestants.ts').Adapter} */
export default async function epicCachified(_url, load, ttlMs) {
  const cache = new LRUCache({ max: 10_000, ttl: ttlMs })
  return (key) => cachified({ key, cache, ttl: ttlMs, getFreshValue: () => load(key) })
}
