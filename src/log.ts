import type { CacheListener } from './events.ts'

type LogMethod = (...args: never[]) => unknown

/** A logger shaped like `console` or pino. It is given one string. */
export interface Logger {
  info: LogMethod
  warn: LogMethod
  error: LogMethod
}

/** For as long as there is no core: of what is no notice there is nothing to say before the first call. */
export function logNotices(logger: Logger): CacheListener {
  return (event) => event.type === 'notice' && write(logger, event.level, event.message)
}

/** pino has `child` and takes fields first; given a lone string, both shapes do the same. As a method: pino needs it. */
export function write(logger: Logger, level: keyof Logger, message: string): unknown {
  return (logger[level] as (message: string) => unknown)(`cachewell: ${message}`)
}
