import core from '@type-cacheable/core'
import adapter from '@type-cacheable/ioredis-adapter'
import { Redis } from 'ioredis'

/** @type {import('../../contestants.ts').Adapter} */
export default async function typeCacheable(url, load, ttlMs) {
  adapter.useAdapter(new Redis(url))
  const decorate = core.Cacheable({ cacheKey: ([key]) => key, ttlSeconds: ttlMs / 1_000 })
  // The decorator, applied by hand: plain JavaScript has no syntax for it.
  const { value } = decorate({}, 'load', { value: load, configurable: true, enumerable: false, writable: true })
  return (key) => value.call({}, key)
}
