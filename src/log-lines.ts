import type { CacheEvent } from './events.ts'
import type { Line } from './log.ts'

const LOST = 'connection lost'
const READY = 'connection ready'
const WINDOW_MS = 30_000

/** What an operator has to know of. Nothing with data of a call is in it. */
export function lineOf(event: CacheEvent): Line | undefined {
  switch (event.type) {
    case 'trouble': {
      const { operation, name, error } = event
      const message = `${operation} failed for ${name}, the call went on without the cache: ${error.message}`
      return { level: 'warn', message, topic: `trouble ${operation} ${error.code}`, windowMs: WINDOW_MS }
    }
    case 'connection':
      return connectionLine(event.state, event.error?.message)
    case 'replay': {
      const message = `carried out ${event.count} invalidations that had been deferred or may have been forgotten`
      return { level: 'info', message, topic: 'replay', windowMs: WINDOW_MS }
    }
    case 'invalidate':
      if (!event.deferred) return undefined
      return {
        level: 'warn',
        message: 'an invalidation could not be carried out now; it will be before Redis is used again',
        topic: 'deferred',
        windowMs: WINDOW_MS,
      }
    default:
      return undefined
  }
}

function connectionLine(state: 'ready' | 'lost' | 'failed', reason = 'no reason was given'): Line {
  const topic = state === 'failed' ? 'connection failed' : state === 'lost' ? LOST : READY
  if (state === 'ready') return { level: 'info', message: 'connected to Redis', topic, windowMs: WINDOW_MS }
  const message =
    state === 'lost'
      ? `lost Redis, going on without it and reconnecting: ${reason}`
      : `cannot reach Redis, going on without it and trying again: ${reason}`
  const line: Line = { level: 'warn', message, topic, windowMs: WINDOW_MS }
  // After each loss it is said when it is over.
  return state === 'lost' ? { ...line, renews: READY } : line
}
