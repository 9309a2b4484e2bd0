import { AsyncLocalStorage } from 'node:async_hooks'
import type { Flight } from './flight.ts'

const inside = new AsyncLocalStorage<Flight | undefined>()
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
  loads++
  return inside.run(flight, async () => {
    try {
      return await load()
    } finally {
      if (--loads === 0) inside.disable()
    }
  })
}

/** Runs work that no load waits for, though it may have set it off. */
export function outsideOfLoads<T>(work: () => T): T {
  return loads === 0 ? work() : inside.run(undefined, work)
}

/**
 * For a loader: a signal that fires when nobody waits for its result any more, because all of its callers have run
 * into their `hardTimeout`. Pass it on to whatever can be given up. `undefined` outside of a load.
 *
 * @example
 * ```ts
 * import { cached, loadSignal } from 'cachewell'
 *
 * export const page = cached(async (url: string) => (await fetch(url, { signal: loadSignal() })).text(), {
 *   key: 'page',
 *   ttl: '5m',
 *   hardTimeout: '2s',
 * })
 * ```
 */
export function loadSignal(): LoadSignal | undefined {
  return inside.getStore()?.signal as LoadSignal | undefined
}

/** An `AbortSignal`, where the types of the platform know it. */
export type LoadSignal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } } ? Signal : unknown

/** Whether the running code is part of a load. */
export function isInLoad(): boolean {
  return inside.getStore() !== undefined
}
