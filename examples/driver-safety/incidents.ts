import { cache, monthOf, ofDriver, ofMonth } from './cache.ts'
import type { Incident, Records } from './records.ts'

type NewIncident = Omit<Incident, 'id'>

/** An incident ends what is known of its driver and the report of its month: nothing of other drivers and months. */
const tagsOf = ({ driverId, date }: NewIncident) => [ofDriver(driverId), ofMonth(monthOf(date))]

const LISTS = 'incidents:list*'

export class Incidents {
  readonly #records: Records

  constructor(records: Records) {
    this.#records = records
  }

  @cache.Cached({ key: 'incidents:list', ttl: '1m' })
  async list(severity?: number): Promise<Incident[]> {
    return this.#records.incidents.where((incident) => severity === undefined || incident.severity === severity)
  }

  @cache.Cached({ key: 'incidents:of:{0}', ttl: '5m', tags: (driverId: number) => [ofDriver(driverId)] })
  async ofDriver(driverId: number): Promise<Incident[]> {
    return this.#records.incidents.where((incident) => incident.driverId === driverId)
  }

  /** From 100 downwards: 5 for each incident, times its severity. */
  @cache.Cached({ key: 'scores:{0}', ttl: '1h', tags: (driverId: number) => [ofDriver(driverId)] })
  async score(driverId: number): Promise<number> {
    const incidents = await this.#records.incidents.where((incident) => incident.driverId === driverId)
    return Math.max(0, 100 - incidents.reduce((points, { severity }) => points + 5 * severity, 0))
  }

  @cache.CacheInvalidate({ tags: tagsOf, pattern: LISTS })
  async create(incident: NewIncident): Promise<Incident> {
    return this.#records.incidents.insert(incident)
  }

  /**
   * Both versions count: one that was put down to the wrong driver changes two scores. Only the write itself knows for
   * certain what it has replaced, so this is no decorator, which knows the arguments.
   */
  async update(incident: Incident): Promise<Incident | null> {
    const before = await this.#records.incidents.replace(incident)
    if (!before) return null
    await this.#end([...tagsOf(before), ...tagsOf(incident)])
    return incident
  }

  async remove(id: number): Promise<Incident | null> {
    const removed = await this.#records.incidents.remove(id)
    if (removed) await this.#end(tagsOf(removed))
    return removed
  }

  async #end(tags: readonly string[]): Promise<void> {
    await Promise.all([cache.invalidateTags(tags), cache.invalidate(LISTS)])
  }
}
