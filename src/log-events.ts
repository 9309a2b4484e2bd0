import type { CacheEvent, CacheListener } from './events.ts'
import { type Logger, write } from './log.ts'

/** Notices remembered. Beyond it the oldest is forgotten, and at worst said again. */
const MAX_NOTICES = 500

/**
 * Writes what an operator has to know of, and no more often than is useful. Nothing with data of a call is written.
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
