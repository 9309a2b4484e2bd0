import type { SpeedAdapter } from '../settings.ts'

/** From the module that the parent has built: `CACHEWELL_BUILD` is its URL. */
const cachewell: SpeedAdapter = async (url, load, ttlMs, { keys, cachewell: own }) => {
  const { createCache }: typeof import('cachewell') = await import(process.env.CACHEWELL_BUILD as string)
  const { memory, ...options } = own?.options ?? {}
  const cache = createCache({
    url: own?.url ?? url,
    prefix: 'bench',
    logger: false,
    memory: { maxItems: Math.max(10_000, keys), maxBytes: 2 ** 40, ...memory },
    ...options,
  })
  const ttl = ttlMs / 1_000
  return own?.keyIs === 'array'
    ? cache.cached(load, { key: (id: number) => ['item', id], ttl })
    : cache.cached(load, { key: (id: number) => `item:${id}`, ttl })
}

export default cachewell
