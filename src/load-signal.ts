import { AsyncLocalStorage } from 'node:async_hooks'
import type { Flight } from './flight.ts'

/** The flight in whose load the running code is. */
export const inside = new AsyncLocalStorage<Flight | undefined>()

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
