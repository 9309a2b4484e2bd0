import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'

/** @type {import('../../../contestants.ts').Adapter} */
export default async function bentocache(_url, load, ttlMs) {
  // As it comes: values are serialized, so that each caller gets its own.
  const store = bentostore().useL1Layer(memoryDriver({ maxItems: 10_000, serialize: true }))
  const cache = new BentoCache({ default: 'memory', stores: { memory: store } })
  return (key) => cache.getOrSet({ key, factory: () => load(key), ttl: ttlMs })
}
