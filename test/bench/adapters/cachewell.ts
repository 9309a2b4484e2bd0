import type { Cache } from 'cachewell'
import type { Load } from '../contestants.ts'

let cache: Cache

/** From the module that the parent has built: `CACHEWELL_BUILD` is its URL. */
export default async function cachewell(url: string, load: Load, ttlMs: number): Promise<Load> {
  const { createCache }: typeof import('cachewell') = await import(process.env.CACHEWELL_BUILD as string)
  const { BENCH_COMMAND_TIMEOUT: commandTimeout } = process.env
  cache = createCache({ url, prefix: 'bench', logger: false, ...(commandTimeout ? { commandTimeout } : {}) })
  return cache.cached(load, { key: 'load', ttl: ttlMs / 1_000 })
}

/** Told when the breaker opens: from there on calls go straight to the function. */
export function onOpened(listener: () => void): void {
  cache.on((event) => {
    if (event.type === 'connection' && event.state === 'lost') listener()
  })
}
