import { Redis } from 'ioredis'
import { Loader, RedisCache } from 'layered-loader'

/** @type {import('../../contestants.ts').Adapter} */
export default async function layeredLoader(url, load, ttlMs) {
  const loader = new Loader({
    inMemoryCache: false,
    asyncCache: new RedisCache(new Redis(url), { prefix: 'layered-loader', json: true, ttlInMsecs: ttlMs }),
    dataSourceGetOneFn: load,
  })
  return (key) => loader.get(key)
}
