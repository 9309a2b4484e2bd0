import { Cached, CacheInvalidate, pattern } from 'cachewell'
import type { Database } from './database.ts'

/**
 * What an airline's dashboard might ask. Delays are in minutes, distances in miles.
 *
 * A key names the table its query reads (`flights:200k:…`, `flights:20k:…`, `airports:…`), and below the 20k flights
 * what a correction to one airport's flights can change: the pages of that airport, and those of the whole network.
 * So the write can say exactly what it makes wrong, and the rest stays cached.
 */
export class FlightStatistics {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  @Cached({ key: 'flights:200k:overview', ttl: '10m' })
  async overview() {
    const [row] = await this.#database.query<{ flights: number; meanDelay: number; lateShare: number; miles: number }>(`
      SELECT count(*)::int AS flights,
             round(avg(delay), 2)::float8 AS "meanDelay",
             round(avg((delay > 15)::int), 4)::float8 AS "lateShare",
             sum(distance)::int AS miles
      FROM flights_200k`)
    return row
  }

  @Cached({ key: 'flights:200k:by-hour', ttl: '10m' })
  async delaysByHour() {
    return this.#database.query<{ hour: number; flights: number; meanDelay: number }>(`
      SELECT floor(time)::int AS hour, count(*)::int AS flights, round(avg(delay), 2)::float8 AS "meanDelay"
      FROM flights_200k
      GROUP BY 1 ORDER BY 1`)
  }

  @Cached({ key: 'flights:200k:by-distance', ttl: '10m' })
  async delaysByDistance() {
    return this.#database.query<{ fromMiles: number; flights: number; meanDelay: number; medianDelay: number }>(`
      SELECT distance / 250 * 250 AS "fromMiles",
             count(*)::int AS flights,
             round(avg(delay), 2)::float8 AS "meanDelay",
             percentile_cont(0.5) WITHIN GROUP (ORDER BY delay) AS "medianDelay"
      FROM flights_200k
      GROUP BY 1 ORDER BY 1`)
  }

  /** Steps of ten minutes; the last one is everything from three hours up. */
  @Cached({ key: 'flights:200k:distribution', ttl: '10m' })
  async delayDistribution() {
    return this.#database.query<{ fromMinutes: number; flights: number; percentUpToHere: number }>(`
      SELECT step AS "fromMinutes",
             flights,
             round(100 * sum(flights) OVER (ORDER BY step) / sum(flights) OVER (), 2)::float8 AS "percentUpToHere"
      FROM (SELECT least(floor(delay / 10.0) * 10, 180)::int AS step, count(*)::int AS flights
            FROM flights_200k GROUP BY 1) AS steps
      ORDER BY 1`)
  }

  /** For each quarter of the day, the 10th, 50th, 90th and 99th percentile. */
  @Cached({ key: 'flights:200k:percentiles', ttl: '10m' })
  async delayPercentiles() {
    return this.#database.query<{ fromHour: number; percentiles: number[] }>(`
      SELECT floor(time / 6)::int * 6 AS "fromHour",
             percentile_disc(ARRAY[0.1, 0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY delay) AS percentiles
      FROM flights_200k
      GROUP BY 1 ORDER BY 1`)
  }

  /** For each quarter of an hour, the mean of the hour that ends with it. */
  @Cached({ key: 'flights:200k:trend', ttl: '10m' })
  async delayTrendOverDay() {
    return this.#database.query<{ hour: number; meanDelay: number }>(`
      SELECT quarter / 4.0::float8 AS hour,
             round(sum(delay) OVER hour_up_to_here / sum(flights) OVER hour_up_to_here, 2)::float8 AS "meanDelay"
      FROM (SELECT floor(time * 4)::int AS quarter, sum(delay) AS delay, count(*) AS flights
            FROM flights_200k GROUP BY 1) AS quarters
      WINDOW hour_up_to_here AS (ORDER BY quarter RANGE BETWEEN 3 PRECEDING AND CURRENT ROW)
      ORDER BY 1`)
  }

  @Cached({ key: 'flights:20k:origin:{0}', ttl: '10m' })
  async originSummary(airport: string) {
    const [row] = await this.#database.query<{ flights: number; destinations: number; meanDelay: number }>(
      `SELECT count(*)::int AS flights,
              count(DISTINCT destination)::int AS destinations,
              round(avg(delay), 2)::float8 AS "meanDelay"
       FROM flights_20k
       WHERE origin = $1`,
      [airport],
    )
    return row
  }

  // Below here the arguments are appended to the key: flights:20k:network:origins:10
  @Cached({ key: 'flights:20k:network:origins', ttl: '10m' })
  async busiestOrigins(limit: number) {
    return this.#database.query<{ origin: string; city: string; flights: number; lateShare: number }>(
      `SELECT origin, city, count(*)::int AS flights, round(avg((delay > 15)::int), 4)::float8 AS "lateShare"
       FROM flights_20k JOIN airports ON iata = origin
       GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT $1`,
      [limit],
    )
  }

  /** Both directions count as one pair. */
  @Cached({ key: 'flights:20k:network:pairs', ttl: '10m' })
  async busiestPairs(limit: number) {
    return this.#database.query<{ one: string; other: string; flights: number; meanDelay: number }>(
      `SELECT least(origin, destination) AS one,
              greatest(origin, destination) AS other,
              count(*)::int AS flights,
              round(avg(delay), 2)::float8 AS "meanDelay"
       FROM flights_20k
       GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT $1`,
      [limit],
    )
  }

  @Cached({ key: 'flights:20k:network:days', ttl: '10m' })
  async delaysByDay() {
    return this.#database.query<{ day: Date; flights: number; meanDelay: number }>(`
      SELECT date::date AS day, count(*)::int AS flights, round(avg(delay), 2)::float8 AS "meanDelay"
      FROM flights_20k
      GROUP BY 1 ORDER BY 1`)
  }

  /** The change is against the week before, so the first week has none. */
  @Cached({ key: 'flights:20k:network:weeks', ttl: '10m' })
  async weeklyTrend() {
    return this.#database.query<{ week: Date; meanDelay: number; change: number | null }>(`
      SELECT week, delay::float8 AS "meanDelay", (delay - lag(delay) OVER (ORDER BY week))::float8 AS change
      FROM (SELECT date_trunc('week', date)::date AS week, round(avg(delay), 2) AS delay
            FROM flights_20k GROUP BY 1) AS weeks
      ORDER BY 1`)
  }

  @Cached({ key: 'airports:busiest', ttl: '1d' })
  async busiestAirports2008(limit: number) {
    return this.#database.query<{ iata: string; name: string; departures: number; routes: number }>(
      `SELECT iata, name, sum(flights)::int AS departures, count(*)::int AS routes
       FROM routes_2008 JOIN airports ON iata = origin
       GROUP BY 1, 2 ORDER BY 3 DESC LIMIT $1`,
      [limit],
    )
  }

  @Cached({ key: 'airports:by-state', ttl: '1d' })
  async airportsByState() {
    return this.#database.query<{ state: string | null; airports: number }>(`
      SELECT state, count(*)::int AS airports FROM airports GROUP BY 1 ORDER BY 2 DESC, 1`)
  }

  /**
   * Adds minutes to the delay of every flight out of one airport on one day, and returns how many flights that were.
   * It cannot change the other airports' pages, the 200k flights (a sample of its own) or the directory of airports.
   */
  @CacheInvalidate({ pattern: (origin: string) => [pattern`flights:20k:origin:${origin}`, 'flights:20k:network:*'] })
  async recordDelay(origin: string, day: string, minutes: number): Promise<number> {
    const rows = await this.#database.query(
      `UPDATE flights_20k SET delay = delay + $3
       WHERE origin = $1 AND date >= $2::date AND date < $2::date + 1
       RETURNING 1`,
      [origin, day, minutes],
    )
    return rows.length
  }
}
