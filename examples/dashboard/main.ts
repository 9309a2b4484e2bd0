import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { cache } from './dashboard-statistics.ts'
import { dashboardServer } from './server.ts'

/** Asks the endpoint three times for one page and once for another, and says how often the database was asked. */
let queries = 0
const sales = {
  async between(from: string, to: string) {
    queries++
    return [
      { date: from, cents: 995 },
      { date: to, cents: 1_250 },
    ]
  },
}

const server = dashboardServer(sales).listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
const ask = async (query: string) => (await fetch(`http://127.0.0.1:${port}/stats?${query}`)).json()

for (let i = 0; i < 3; i++) console.log(await ask('date=2026-01-31&days=30'))
console.log(await ask('date=2026-01-31&days=7'))
console.log(`${queries} queries for 4 requests, ${cache.stats().hits} answers from the cache`)

server.close()
server.closeAllConnections()
await cache.close()
