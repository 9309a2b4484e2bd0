import { Loader } from 'layered-loader'

/** @type {import('../../../contestants.ts').Adapter} */
export default async function layeredLoader(_url, load, ttlMs) {
  const loader = new Loader({
    inMemoryCache: { cacheType: 'lru-map', ttlInMsecs: ttlMs, maxItems: 10_000 },
    dataSourceGetOneFn: load,
  })
  return (key) => loader.get(key)
}
