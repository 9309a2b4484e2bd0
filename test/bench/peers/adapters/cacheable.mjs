import KeyvRedis from '@keyv/redis'
import { Cacheable } from 'cacheable'
import { Keyv } from 'keyv'

/** @type {import('../../contestants.ts').Adapter} */
export default async function cacheable(url, load, ttlMs) {
  const cache = new Cacheable({ primary: new Keyv({ store: new KeyvRedis(url) }) })
  return (key) => cache.getOrSet(key, () => load(key), { ttl: ttlMs })
}
