import { inspect } from 'node:util'
import { late, now, sleep, within } from './real-time.ts'

export interface UntilOptions {
  /** Says in the error what was waited for. */
  label?: string
  /** Default 5000. */
  timeoutMs?: number
  /** Pause between two looks. Default 10. */
  everyMs?: number
}

type Look<T> = { value: T } | { error: unknown } | typeof late

/**
 * Looks until `condition` gives something truthy, and returns that. A condition that throws is one that does not hold
 * yet. Throws when the time is over, also while a look is still hanging, as a command to a paused server does.
 */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions = {}): Promise<T> {
  const { label = 'the condition', timeoutMs = 5_000, everyMs = 10 } = options
  const end = now() + timeoutMs
  let last: Look<T> = late
  do {
    const seen = await within(look(condition), Math.max(0, end - now()))
    if (seen === late) break
    last = seen
    if ('value' in last && last.value) return last.value
    await sleep(Math.min(everyMs, Math.max(0, end - now())))
  } while (now() < end)
  throw tooLate(label, timeoutMs, last)
}

async function look<T>(condition: () => T | Promise<T>): Promise<Exclude<Look<T>, typeof late>> {
  try {
    return { value: await condition() }
  } catch (error) {
    return { error }
  }
}

function tooLate<T>(label: string, timeoutMs: number, last: Look<T>): Error {
  const waited = `Waited ${timeoutMs} ms for ${label}`
  if (last === late) return new Error(`${waited}; the first look never came back`)
  if ('error' in last) return new Error(`${waited}; the last look threw: ${last.error}`, { cause: last.error })
  return new Error(`${waited}; the last value was ${inspect(last.value)}`)
}
