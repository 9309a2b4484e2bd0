import type { FlightStatistics } from './flight-statistics.ts'
import { observed } from './observed.ts'

export interface Delay {
  readonly origin: string
  readonly day: string
  readonly minutes: number
}

/** What a write did to the data, and to the cached answers. */
export interface Written {
  readonly ms: number
  readonly flights: number
  readonly removed: number
  /** Redis was away: the invalidation is carried out before anything is served from it again. */
  readonly deferred: boolean
}

export async function recordDelay(statistics: FlightStatistics, delay: Delay): Promise<Written> {
  const { origin, day, minutes } = delay
  const { value, ms, events } = await observed(() => statistics.recordDelay(origin, day, minutes))
  const invalidations = events.filter((event) => event.type === 'invalidate')
  return {
    ms,
    flights: value,
    removed: invalidations.reduce((sum, { removed }) => sum + removed, 0),
    deferred: invalidations.some(({ deferred }) => deferred),
  }
}
