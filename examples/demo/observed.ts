import { AsyncLocalStorage } from 'node:async_hooks'
import { type CacheEvent, defaultCache, type Tier } from 'cachewell'

/** `function`: the method itself ran and asked the database. */
export type Source = Tier | 'function'

export interface Observed<Value> {
  readonly value: Value
  readonly ms: number
  /** What the cache had to say about this call, in order. */
  readonly events: readonly CacheEvent[]
}

const underWay = new AsyncLocalStorage<CacheEvent[]>()

/** Times a call and listens to the cache meanwhile. Events of other calls, by another tab say, are told apart. */
export async function observed<Value>(call: () => Promise<Value>): Promise<Observed<Value>> {
  const events: CacheEvent[] = []
  const stopListening = defaultCache.on((event) => {
    if (underWay.getStore() === events) events.push(event)
  })
  try {
    const start = performance.now()
    const value = await underWay.run(events, call)
    return { value, ms: performance.now() - start, events }
  } finally {
    stopListening()
  }
}

/** Where the value of one cached call came from. */
export function sourceOf(events: readonly CacheEvent[]): Source {
  for (const event of events) {
    if (event.type === 'hit') return event.tier
    // The method ran: after a look at the cache in vain, or without one.
    if (event.type === 'miss' || event.type === 'bypass') return 'function'
  }
  throw new Error('no event told where the answer came from')
}
