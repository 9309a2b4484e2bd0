import type { CacheEvent, CacheListener } from './events.ts'

type LogMethod = (...args: never[]) => unknown

/** A logger shaped like `console` (`warn(message, fields)`) or like pino (`warn(fields, message)`). */
export interface Logger {
  info: LogMethod
  warn: LogMethod
  error: LogMethod
}

/** Notices remembered. Beyond it the oldest is forgotten, and at worst said again. */
const MAX_NOTICES = 500

/**
 * Writes what an operator has to know of, and no more often than is useful. Nothing with data of a call is written. Of what
 * is no notice there is nothing to say before the first call.
 *
 * @param rest - is told of the other events
 */
export function logEvents(logger: Logger, rest: CacheListener): CacheListener {
  const said = new Set<string>()

  return (event: CacheEvent) => {
    if (event.type !== 'notice') return rest(event)
    const { code, name, level, message } = event
    const topic = `${code} ${name}`
    // A mistake in the code does not change while the process runs: once is enough.
    if (said.has(topic)) return
    said.add(topic)
    if (said.size > MAX_NOTICES) said.delete(said.values().next().value as string)
    return write(logger, level, message)
  }
}

/** pino has `child` and takes fields first; given a lone string, both shapes do the same. As a method: pino needs it. */
export function write(logger: Logger, level: keyof Logger, message: string): unknown {
  return (logger[level] as (message: string) => unknown)(`cachewell: ${message}`)
}
