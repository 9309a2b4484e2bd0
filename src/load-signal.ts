import { AsyncLocalStorage } from 'node:async_hooks'
import type { Flight } from './flight.ts'
import { ofProcess } from './of-process.ts'

type Loads = AsyncLocalStorage<Flight | undefined>

/** The flight in whose load the running code is. */
export const inside: Loads = new AsyncLocalStorage()

/** Of every copy of this package in which a load is under way: a loader may ask another one than has called it. */
export const everyLoads = /* @__PURE__ */ ofProcess('cachewell/loads/1', () => new Set<Pick<Loads, 'getStore'>>())

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
  for (const loads of everyLoads) {
    const flight = loads.getStore()
    if (flight) return flight.signal as LoadSignal
  }
  return undefined
}

/** An `AbortSignal`, where the types of the platform know it. */
export type LoadSignal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } } ? Signal : unknown
