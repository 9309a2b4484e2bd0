import { AsyncLocalStorage } from 'node:async_hooks'
import type { Flight } from './flight.ts'
import { ofProcess } from './of-process.ts'

type Loads = AsyncLocalStorage<Flight | undefined>

/** The flight in whose load the running code is. */
export const inside: Loads = new AsyncLocalStorage()

/** Those of every copy of this package: a loader may ask another one than has called it. */
export const loadsOfProcess = /* @__PURE__ */ ofProcess('cachewell/loads/1', () => ({
  /** Of those in which a load is under way. */
  stores: new Set<Pick<Loads, 'getStore'>>(),
  begun: 0,
}))

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
  let inner: Flight | undefined
  for (const loads of loadsOfProcess.stores) {
    const flight = loads.getStore()
    if (flight && flight.order > (inner?.order ?? 0)) inner = flight
  }
  return inner?.signal as LoadSignal | undefined
}

/** An `AbortSignal`, where the types of the platform know it. */
export type LoadSignal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } } ? Signal : unknown
