import KeyvRedis from '@keyv/redis'
import { createCache } from 'cache-manager'
import { Keyv } from 'keyv'

/** @type {import('../../contestants.ts').Adapter} */
export default async function cacheManager(url, load, ttlMs) {
  const cache = createCache({ stores: [new Keyv({ store: new KeyvRedis(url) })] })
  return (key) => cache.wrap(key, () => load(key), ttlMs)
}
