import { CacheTroubleError, messageOf } from './errors.ts'
import type { Events } from './events.ts'

/** Runs `work`; trouble comes back as a value. */
export type Guard = <T>(operation: string, name: string, work: () => Promise<T> | T) => Promise<T | CacheTroubleError>

/** The code of what comes after `close()`. */
export const CACHE_CLOSED = 'CACHE_CLOSED'

/** The one place where trouble with the cache is swallowed: it is reported, and never reaches the caller. */
export function guardWith(events: Events): Guard {
  return async (operation, name, work) => {
    try {
      return await work()
    } catch (error) {
      const trouble = asTrouble(error)
      // What comes after close() has been asked for, and says nothing of the store.
      if (trouble.code !== CACHE_CLOSED) events.emit({ type: 'trouble', operation, name, error: trouble })
      return trouble
    }
  }
}

/** Foreign errors may carry keys, values or passwords; only their message goes on, without what a URL in it tells of a user. */
export function asTrouble(error: unknown): CacheTroubleError {
  if (error instanceof CacheTroubleError) return error
  return new CacheTroubleError('UNEXPECTED', messageOf(error).replace(/\/\/[^/\s@]*@/g, '//***@'), true)
}
