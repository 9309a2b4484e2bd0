import { createCache } from 'cachewell'

/** What one row of the sales table says. */
export interface Sale {
  readonly date: string
  readonly cents: number
}

/** Stands for the database: anything with a promise will do. */
export interface Sales {
  between(from: string, to: string): Promise<Sale[]>
}

// The variable is this application's own. Where it is empty, as on a developer's machine, caching is off.
export const cache = createCache({ url: () => process.env.DASHBOARD_CACHE_URL, prefix: 'dashboard-example' })

/** The figures of a dashboard: expensive to add up, asked for by everyone, and fine when they are five minutes old. */
export class DashboardStatistics {
  readonly #sales: Sales

  constructor(sales: Sales) {
    this.#sales = sales
  }

  /** @param date - the last day, as 2026-01-31 */
  @cache.Cached({ key: 'dashboard:stats:{0}:{1}', ttl: '5m' })
  async stats(date: string, days: number) {
    const rows = await this.#sales.between(daysBefore(date, days - 1), date)
    const cents = rows.reduce((sum, { cents }) => sum + cents, 0)
    return { date, days, sales: rows.length, cents, computedAt: new Date() }
  }

  /** Called when a sale was booked late: every figure may have changed. */
  @cache.CacheInvalidate({ pattern: 'dashboard:stats:*' })
  async correct(): Promise<void> {}
}

function daysBefore(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) - days * 86_400_000).toISOString().slice(0, 10)
}
