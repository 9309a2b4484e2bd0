import type { Driver, State } from './drivers/driver.ts'
import type { NearStats } from './events.ts'
import type { Flight } from './flight.ts'

/** So many loads are kept track of; what else is asked for meanwhile is loaded and not stored. */
export const MAX_FLIGHTS = 10_000

export interface Near {
  stats(): NearStats
  /** When it has resolved, no copy is served of what had been replaced or removed when it was called. */
  barrier(): Promise<void>
}

/** A read that may not have been sent yet. */
export interface Joinable {
  readonly promise: Promise<State>
  /** Those who wait for it, as the path of a call keeps them. */
  gathering: unknown
}

/** A store as the path of a call sees it: the driver, its reads one key at a time, and the loads under way. */
export interface StoreTier {
  readonly driver: Driver
  /** Never rejects: trouble is a state. */
  read(key: string): Promise<State>
  /** The same, as it stands before it is sent: whoever asks for the key until then gets the same one. */
  join(key: string): Joinable
  readonly flights: Map<string, Flight>
  /** Keys of values that are renewed in the background just now. */
  readonly renewing: Set<string>
  /** Where copies are kept in this process of what a store outside holds. */
  readonly near?: Near
  /** The same store, for those who want no copies. */
  readonly uncopied?: StoreTier
}

/** At once where the store is known. */
export function onTier<T>(tier: StoreTier | Promise<StoreTier>, use: (tier: StoreTier) => Promise<T>): Promise<T> {
  return tier instanceof Promise ? tier.then(use) : use(tier)
}
