import type { Load } from '../contestants.ts'

/** From the module that the parent has built: `CACHEWELL_BUILD` is its URL. */
export default async function cachewell(url: string, load: Load, ttlMs: number): Promise<Load> {
  const { createCache }: typeof import('cachewell') = await import(process.env.CACHEWELL_BUILD as string)
  const cache = createCache({ url, prefix: 'stampede', logger: false })
  return cache.cached(load, { key: 'load', ttl: ttlMs / 1_000 })
}
