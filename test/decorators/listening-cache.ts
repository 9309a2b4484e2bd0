import { type Cache, type CacheEvent, createCache } from 'cachewell'

/** A cache in memory that remembers what happened. */
export interface ListeningCache extends Cache {
  readonly events: CacheEvent[]
  /** What was said, each once. */
  notices(): string[]
  /** The keys that were stored, in order. */
  stored(): string[]
}

export function listeningCache(): ListeningCache {
  const cache = createCache({ url: 'memory:', logger: false })
  const events: CacheEvent[] = []
  cache.on((event) => void events.push(event))
  const notices = () => [...new Set(events.flatMap((event) => (event.type === 'notice' ? [event.message] : [])))]
  const stored = () => events.flatMap((event) => (event.type === 'store' && event.stored ? [event.key] : []))
  return { ...cache, events, notices, stored }
}
