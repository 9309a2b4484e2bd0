import { cachified } from '@epic-web/cachified'
import { Redis } from 'ioredis'

/** @type {import('../../contestants.ts').Adapter} */
export default async function epicCachified(url, load, ttlMs) {
  const redis = new Redis(url)
  const cache = {
    name: 'redis',
    async get(key) {
      const text = await redis.get(key)
      return text === null ? undefined : JSON.parse(text)
    },
    set: (key, entry) => redis.set(key, JSON.stringify(entry), 'PX', ttlMs),
    delete: (key) => redis.del(key),
  }
  return (key) => cachified({ key, cache, ttl: ttlMs, getFreshValue: () => load(key) })
}
