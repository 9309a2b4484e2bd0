import { cache, ofDriver } from './cache.ts'
import type { Driver, Records } from './records.ts'

/** Drivers change seldom. Whoever changes one says which answers show it. */
export class Drivers {
  readonly #records: Records

  constructor(records: Records) {
    this.#records = records
  }

  @cache.Cached({ key: 'drivers:list', ttl: '5m' })
  async list(depot?: string): Promise<Driver[]> {
    return this.#records.drivers.where((driver) => depot === undefined || driver.depot === depot)
  }

  /** Also remembers, for a short time, that there is no such driver. */
  @cache.Cached({ key: 'drivers:one:{0}', ttl: '30m', nullTtl: '30s' })
  async find(id: number): Promise<Driver | null> {
    return this.#records.drivers.find(id)
  }

  /** Ends the lists, and what `find` may have remembered: that there is no driver of the id which this one gets. */
  @cache.CacheInvalidate({ pattern: 'drivers:*' })
  async create(driver: Omit<Driver, 'id'>): Promise<Driver> {
    return this.#records.drivers.insert(driver)
  }

  /** What it returns takes the place of what `find` has stored. Scores do not depend on it, and stay. */
  @cache.CacheInvalidate({ pattern: ['drivers:list*', 'reports:*'] })
  @cache.CacheUpdate({ key: 'drivers:one:{0.id}', ttl: '30m' })
  async update(driver: Driver): Promise<Driver | null> {
    const before = await this.#records.drivers.replace(driver)
    return before && driver
  }

  /** The incidents go with the driver, so this ends what was computed from them, too. */
  @cache.CacheInvalidate({
    key: 'drivers:one:{0}',
    tags: (id: number) => [ofDriver(id)],
    pattern: ['drivers:list*', 'incidents:list*', 'reports:*'],
  })
  async remove(id: number): Promise<Driver | null> {
    const incidents = await this.#records.incidents.where(({ driverId }) => driverId === id)
    for (const incident of incidents) await this.#records.incidents.remove(incident.id)
    return this.#records.drivers.remove(id)
  }
}
