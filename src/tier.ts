import type { Driver, State } from './drivers/driver.ts'
import type { Flight } from './flight.ts'

/** So many loads are kept track of; what else is asked for meanwhile is loaded and not stored. */
export const MAX_FLIGHTS = 10_000

/** A store as the path of a call sees it: the driver, its reads one key at a time, and the loads under way. */
export interface StoreTier {
  readonly driver: Driver
  read(key: string): Promise<State>
  readonly flights: Map<string, Flight>
  /** Keys of values that are renewed in the background just now. */
  readonly renewing: Set<string>
}
