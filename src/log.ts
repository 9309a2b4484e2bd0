import type { Clock } from './clock.ts'
import type { CacheEvent, CacheListener } from './events.ts'

type LogMethod = (...args: never[]) => unknown

/** A logger shaped like `console` (`warn(message, fields)`) or like pino (`warn(fields, message)`). */
export interface Logger {
  info: LogMethod
  warn: LogMethod
  error: LogMethod
}

type Level = 'info' | 'warn' | 'error'
interface Line {
  readonly level: Level
  readonly message: string
  /** Lines of one topic are alike: within a window only the first is written. */
  readonly topic: string
  readonly windowMs: number
}

const LOST = 'connection lost'
const READY = 'connection ready'
const WINDOW_MS = 30_000
/** Topics remembered. Beyond it the oldest is forgotten, and at worst said again. */
const MAX_TOPICS = 500

/** Writes what an operator has to know of, and no more often than is useful. Nothing with data of a call is written. */
export function logEvents(logger: Logger, clock: Clock): CacheListener {
  const write = writerFor(logger)
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
    topics.set(line.topic, { until: clock.now() + line.windowMs, suppressed: 0 })
    // After each loss it is said when it is over.
    if (line.topic === LOST) topics.delete(READY)
    if (topics.size > MAX_TOPICS) topics.delete(topics.keys().next().value as string)
    const suppressed = known?.suppressed ? ` (and ${known.suppressed} more like it since)` : ''
    return write(line.level, `cachewell: ${line.message}${suppressed}`)
  }
}

function lineOf(event: CacheEvent): Line | undefined {
  switch (event.type) {
    case 'trouble': {
      const { operation, name, error } = event
      const message = `${operation} failed for ${name}, the call went on without the cache: ${error.message}`
      return { level: 'warn', message, topic: `trouble ${operation} ${error.code}`, windowMs: WINDOW_MS }
    }
    case 'notice': {
      // A mistake in the code does not change while the process runs: once is enough.
      const topic = `notice ${event.code} ${event.name}`
      return { level: event.level, message: event.message, topic, windowMs: Number.POSITIVE_INFINITY }
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
  return { level: 'warn', message, topic, windowMs: WINDOW_MS }
}

/** pino has `child` and takes fields first; given a lone string, both shapes do the same. */
function writerFor(logger: Logger): (level: Level, message: string) => unknown {
  return (level, message) => {
    const method = logger[level] as (message: string) => unknown
    return method.call(logger, message)
  }
}
