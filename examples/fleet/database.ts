import { PGlite } from '@electric-sql/pglite'

/** What the summary of a vehicle is made of. Trips are only ever added. */
const TABLES = `
  create table vehicle (id int primary key);
  create table trip (id bigint generated always as identity primary key, vehicle_id int references vehicle, km int);
  create index on trip (vehicle_id, id);
  insert into vehicle select generate_series(1, 50);
  insert into trip (vehicle_id, km) select 1 + n % 50, 10 + n % 7 from generate_series(1, 5000) n;
`

/** The sums as they were when it was refreshed, each with the last trip that is in it. */
const VIEW = `
  create materialized view vehicle_summary as
    select v.id as vehicle_id, count(t.id)::int as trips, coalesce(sum(t.km), 0)::int as km, max(t.id) as last_trip
    from vehicle v left join trip t on t.vehicle_id = v.id group by v.id;
  create unique index on vehicle_summary (vehicle_id);
`

/** Rows of the view that are still true: a look into the index tells, without adding up. */
const CURRENT_IN_VIEW = `
  select s.vehicle_id as "vehicleId", s.trips, s.km from vehicle_summary s
  where s.vehicle_id = any($1)
    and not exists (select from trip t where t.vehicle_id = s.vehicle_id and t.id > coalesce(s.last_trip, 0))
`

const FROM_TABLES = `
  select v.id as "vehicleId", count(t.id)::int as trips, coalesce(sum(t.km), 0)::int as km
  from vehicle v left join trip t on t.vehicle_id = v.id where v.id = any($1) group by v.id
`

export interface Sums {
  readonly vehicleId: number
  readonly trips: number
  readonly km: number
}

export class FleetDatabase {
  /** How often sums were asked for. */
  queries = 0
  readonly #postgres: PGlite

  private constructor(postgres: PGlite) {
    this.#postgres = postgres
  }

  static async open(): Promise<FleetDatabase> {
    const postgres = await PGlite.create()
    await postgres.exec(TABLES + VIEW)
    return new FleetDatabase(postgres)
  }

  currentInView(ids: readonly number[]): Promise<Sums[]> {
    return this.#sums(CURRENT_IN_VIEW, ids)
  }

  fromTables(ids: readonly number[]): Promise<Sums[]> {
    return this.#sums(FROM_TABLES, ids)
  }

  async addTrip(vehicleId: number, km: number): Promise<void> {
    await this.#postgres.query('insert into trip (vehicle_id, km) values ($1, $2)', [vehicleId, km])
  }

  /** For a timer, or for cron. */
  async refreshView(): Promise<void> {
    await this.#postgres.exec('refresh materialized view concurrently vehicle_summary')
  }

  async close(): Promise<void> {
    await this.#postgres.close()
  }

  async #sums(sql: string, ids: readonly number[]): Promise<Sums[]> {
    this.queries++
    return (await this.#postgres.query<Sums>(sql, [ids])).rows
  }
}
