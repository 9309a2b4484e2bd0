// Serves the driver-safety admin:   npx tsx examples/driver-safety/main.ts
// Asks it some questions and ends:  npx tsx examples/driver-safety/main.ts --once
// In memory; with REDIS_URL set, over Redis.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { cache } from './cache.ts'
import { Records } from './records.ts'
import { driverSafetyServer } from './server.ts'
import { walkThrough } from './walk-through.ts'

const isOnce = process.argv.includes('--once')
const records = new Records()
// These records begin anew with every start, unlike a database, so that what an earlier run left in Redis is wrong.
await cache.invalidate('*')

const server = driverSafetyServer(records).listen(isOnce ? 0 : 4281, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

async function close(): Promise<void> {
  server.close()
  server.closeAllConnections()
  await cache.close()
}

if (isOnce) {
  await walkThrough(url, records)
  await close()
} else {
  console.log(`${url}/drivers`)
  process.once('SIGINT', close).once('SIGTERM', close)
}
