import type { Clock } from './clock.ts'
import type { CacheEvent, CacheListener } from './events.ts'
import { type Logger, write } from './log.ts'

interface Line {
  readonly level: keyof Logger
  readonly message: string
  /** Lines of one topic are alike: within a window only the first is written. */
  readonly topic: string
  /** A topic that is told of again after this one. */
  readonly renews?: string
}

const LOST = 'connection lost'
const READY = 'connection ready'
const WINDOW_MS = 30_000
/** Topics remembered. Beyond it the oldest is forgotten, and at worst said again. */
const MAX_TOPICS = 500

/** Writes of events that are no notices. */
export function logLines(logger: Logger, clock: Clock): CacheListener {
  const topics = new Map<string, { until: number; suppressed: number }>()

  return (event) => {
    const line = lineOf(event)
    if (!line) return
    const known = topics.get(line.topic)
    if (known && clock.now() < known.until) {
      known.suppressed++
      return
    }
    topics.delete(line.topic)
    topics.set(line.topic, { until: clock.now() + WINDOW_MS, suppressed: 0 })
    if (line.renews) topics.delete(line.renews)
    if (topics.size > MAX_TOPICS) topics.delete(topics.keys().next().value as string)
    const suppressed = known?.suppressed ? ` (and ${known.suppressed} more like it since)` : ''
    return write(logger, line.level, `${line.message}${suppressed}`)
  }
}

/** What an operator has to know of. Nothing with data of a call is in it. */
function lineOf(event: CacheEvent): Line | undefined {
  switch (event.type) {
    case 'trouble': {
      const { operation, name, error } = event
      const message = `${operation} failed for ${name}, the call went on without the cache: ${error.message}`
      return { level: 'warn', message, topic: `trouble ${operation} ${error.code}` }
    }
    case 'connection':
      return connectionLine(event.state, event.error?.message)
    case 'replay': {
      const message = `carried out ${event.count} invalidations that had been deferred or may have been forgotten`
      return { level: 'info', message, topic: 'replay' }
    }
    case 'invalidate':
      if (!event.deferred) return undefined
      return {
        level: 'warn',
        message: 'an invalidation could not be carried out now; it will be before Redis is used again',
        topic: 'deferred',
      }
    default:
      return undefined
  }
}

function connectionLine(state: 'ready' | 'lost' | 'failed', reason = 'no reason was given'): Line {
  const topic = state === 'failed' ? 'connection failed' : state === 'lost' ? LOST : READY
  if (state === 'ready') return { level: 'info', message: 'connected to Redis', topic }
  const message =
    state === 'lost'
      ? `lost Redis, going on without it and reconnecting: ${reason}`
      : `cannot reach Redis, going on without it and trying again: ${reason}`
  const line: Line = { level: 'warn', message, topic }
  // After each loss it is said when it is over.
  return state === 'lost' ? { ...line, renews: READY } : line
}
