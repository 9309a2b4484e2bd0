import { BentoCache, bentostore } from 'bentocache'
import { redisDriver } from 'bentocache/drivers/redis'
import { Redis } from 'ioredis'

/** @type {import('../../contestants.ts').Adapter} */
export default async function bentocache(url, load, ttlMs) {
  const store = bentostore().useL2Layer(redisDriver({ connection: new Redis(url) }))
  const cache = new BentoCache({ default: 'redis', stores: { redis: store } })
  return (key) => cache.getOrSet({ key, factory: () => load(key), ttl: ttlMs })
}
