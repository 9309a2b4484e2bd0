import type { Flight } from './flight.ts'
import { inside, loadsOfProcess } from './load-signal.ts'

/** Loads under way. */
let loads = 0

/** The flight in whose load the running code is, if it is in one. */
export function currentFlight(): Flight | undefined {
  return inside.getStore()
}

/**
 * Runs a load, so that the calls it makes know where they are. Up to Node 22 an AsyncLocalStorage in use makes every
 * promise of the process cost more, those of the user's own code too: it is switched off when no load is under way.
 */
export function runInside<T>(flight: Flight, load: () => T | PromiseLike<T>): Promise<T> {
  if (loads++ === 0) loadsOfProcess.stores.add(inside)
  flight.order = ++loadsOfProcess.begun
  return inside.run(flight, async () => {
    try {
      return await load()
    } finally {
      if (--loads === 0) {
        inside.disable()
        loadsOfProcess.stores.delete(inside)
      }
    }
  })
}

/** Runs work that no load waits for, though it may have set it off. */
export function outsideOfLoads<T>(work: () => T): T {
  return loads === 0 ? work() : inside.run(undefined, work)
}

/** Whether the running code is part of a load. */
export function isInLoad(): boolean {
  return loads > 0 && inside.getStore() !== undefined
}
