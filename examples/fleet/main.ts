// Asks for vehicles, records trips, and says which layer has answered:  npx tsx examples/fleet/main.ts
// In memory; with REDIS_URL set, over Redis.
import { createCache } from 'cachewell'
import { FleetDatabase } from './database.ts'
import { fleetOver } from './fleet.ts'

const database = await FleetDatabase.open()
const cache = createCache({ url: process.env.REDIS_URL || 'memory:', prefix: 'fleet-example' })
// This database begins anew with every start, so that what an earlier run left in Redis is wrong.
await cache.invalidate('*')
const fleet = fleetOver(database, cache)

const show = async (when: string, ids: number[]) => {
  const before = database.queries
  const answers = await fleet.summaries(ids)
  const lines = answers.map((one, i) => (one ? `${ids[i]} ${one.km} km (${one.layer})` : `${ids[i]} unknown`))
  console.log(`${when}: ${lines.join(', ')}; ${database.queries - before} queries`)
}

await show('at first', [1, 2, 3])
await show('again', [1, 2, 3])
await show('one more', [1, 2, 3, 4])
await fleet.addTrip(2, 40)
await show('after a trip of 2', [1, 2, 3, 4])
await database.refreshView()
await show('after the view was refreshed', [1, 2, 3, 4])
await fleet.addTrip(3, 40)
await database.refreshView()
await show('after a trip of 3, and the view', [1, 2, 3, 4])
await fleet.addTrip(1, 40)
const pages = await Promise.all([fleet.summaries([1, 2]), fleet.summaries([1, 3])])
console.log(
  'two pages at once:',
  pages
    .flat()
    .map((one) => `${one?.vehicleId} (${one?.layer})`)
    .join(', '),
)
await show('one that is not there', [4, 999])
console.log('answers:', JSON.stringify(await fleet.answersByLayer()))

await cache.close()
await database.close()
