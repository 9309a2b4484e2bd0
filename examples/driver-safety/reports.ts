import { cache, monthOf, ofMonth } from './cache.ts'
import type { Records } from './records.ts'

export class Reports {
  readonly #records: Records

  constructor(records: Records) {
    this.#records = records
  }

  /**
   * How many incidents each depot had. The most expensive answer, kept longest; a slightly old report is better than none
   * when the database fails.
   *
   * @param month - as 2026-01
   */
  @cache.Cached({
    key: 'reports:monthly:{0}',
    ttl: '6h',
    tags: (month: string) => [ofMonth(month)],
    staleIfError: '1d',
  })
  async monthly(month: string): Promise<Record<string, number>> {
    const drivers = await this.#records.drivers.where(() => true)
    const incidents = await this.#records.incidents.where(({ date }) => monthOf(date) === month)
    const depotOf = new Map(drivers.map(({ id, depot }) => [id, depot]))
    const counts: Record<string, number> = {}
    for (const { driverId } of incidents) {
      const depot = depotOf.get(driverId) ?? 'unknown'
      counts[depot] = (counts[depot] ?? 0) + 1
    }
    return counts
  }
}
