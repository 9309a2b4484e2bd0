import { createServer, type IncomingMessage, type Server } from 'node:http'
import { DashboardStatistics, type Sales } from './dashboard-statistics.ts'

const DATE = /^\d{4}-\d{2}-\d{2}$/

/** `GET /stats?date=2026-01-31&days=30`. */
export function dashboardServer(sales: Sales): Server {
  const statistics = new DashboardStatistics(sales)
  return createServer(async (request, response) => {
    try {
      const { date, days } = parametersOf(request)
      if (!DATE.test(date) || !(days >= 1 && days <= 366)) {
        response.writeHead(400).end('date must be as 2026-01-31, and days from 1 to 366')
        return
      }
      const figures = await statistics.stats(date, days)
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(figures))
    } catch {
      // Only the database can fail here: the cache does not.
      response.writeHead(503).end('no figures at the moment')
    }
  })
}

function parametersOf(request: IncomingMessage): { date: string; days: number } {
  const { searchParams } = new URL(request.url ?? '/', 'http://localhost')
  return { date: searchParams.get('date') ?? '', days: Number(searchParams.get('days') ?? 7) }
}
