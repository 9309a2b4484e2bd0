import { LRUCache } from 'lru-cache'

/**
 * What a careful person writes by hand: bounded, with a ttl, shared by all callers. The key is made of the argument.
 *
 * @type {import('../../../speed/settings.ts').SpeedAdapter}
 */
export default async function lruCache(_url, load, ttlMs, { keys }) {
  const lru = new LRUCache({ max: Math.max(10_000, keys), ttl: ttlMs })
  return async (id) => {
    const key = `item:${id}`
    const found = lru.get(key)
    if (found !== undefined) return found
    const value = await load(id)
    lru.set(key, value)
    return value
  }
}
