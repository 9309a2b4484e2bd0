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
export interface Line {
  readonly level: Level
  readonly message: string
  /** Lines of one topic are alike: within a window only the first is written. */
  readonly topic: string
  readonly windowMs: number
  /** A topic that is told of again after this one. */
  readonly renews?: string
}

/** What there is to say of an event that is no notice, if there is. */
export type LineOf = (event: CacheEvent) => Line | undefined

/** Topics remembered. Beyond it the oldest is forgotten, and at worst said again. */
const MAX_TOPICS = 500

/** Writes what an operator has to know of, and no more often than is useful. Nothing with data of a call is written. */
export function logEvents(logger: Logger, clock: Clock, lineOf: LineOf): CacheListener {
  const topics = new Map<string, { until: number; suppressed: number }>()

  return (event) => {
    const line = noticeLine(event) ?? lineOf(event)
    if (!line) return
    const known = topics.get(line.topic)
    if (known && clock.now() < known.until) {
      known.suppressed++
      return
    }
    topics.delete(line.topic)
    topics.set(line.topic, { until: clock.now() + line.windowMs, suppressed: 0 })
    if (line.renews) topics.delete(line.renews)
    if (topics.size > MAX_TOPICS) topics.delete(topics.keys().next().value as string)
    const suppressed = known?.suppressed ? ` (and ${known.suppressed} more like it since)` : ''
    // pino has `child` and takes fields first; given a lone string, both shapes do the same. As a method: pino needs it.
    return (logger[line.level] as (message: string) => unknown)(`cachewell: ${line.message}${suppressed}`)
  }
}

/** Of an event that there can be before the first call; what there is to say of others is in `log-lines.ts`. */
function noticeLine(event: CacheEvent): Line | undefined {
  if (event.type !== 'notice') return undefined
  const { code, name, level, message } = event
  // A mistake in the code does not change while the process runs: once is enough.
  return { level, message, topic: `notice ${code} ${name}`, windowMs: Number.POSITIVE_INFINITY }
}
