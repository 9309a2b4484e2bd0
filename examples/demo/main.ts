import { isDeepStrictEqual } from 'node:util'
import { configureCache, defaultCache, invalidate } from 'cachewell'
import { openDatabase } from './database.ts'
import { FlightStatistics } from './flight-statistics.ts'
import { loadDatasets } from './load-datasets.ts'
import { formatMs, passTable } from './pass-table.ts'
import { progressLine } from './progress-line.ts'
import { type Answer, runPass, totalMs } from './run-pass.ts'
import { storeInUse } from './store-in-use.ts'

const unknown = process.argv.slice(2).filter((argument) => argument !== '--once')
if (unknown.length > 0) {
  console.error(`unknown argument: ${unknown.join(' ')}\nusage: npm run demo -- [--once]`)
  process.exitCode = 2
} else {
  await demo()
}

async function demo(): Promise<void> {
  // The demo tells of the connection itself. In a service, leave `logger` alone: it writes warnings to the console.
  configureCache({ url: process.env.REDIS_URL || 'memory:', prefix: 'flights-demo', logger: false })
  const database = openDatabase()
  try {
    console.log('Starting Postgres (PGlite, on a thread of its own) and loading the data')
    await loadDatasets(database, progressLine(process.stdout))
    await passes(new FlightStatistics(database))
  } finally {
    await defaultCache.close()
    await database.close()
  }
}

async function passes(statistics: FlightStatistics): Promise<void> {
  const store = storeInUse()
  // What an earlier run left in Redis would make the cold pass warm.
  await invalidate('*')
  console.log(`\n${store()}\n`)

  const cold = await runPass(statistics)
  const warm = await runPass(statistics)
  const write = await timedWrite(statistics)
  const after = await runPass(statistics)

  console.log(passTable({ cold, warm, after }))
  console.log('reads: 200k = flights-200k (no airports, no dates), 20k = flights-20k (January to March 2001),')
  console.log('       airports = the directory with the routes of 2008 (flights-airport)\n')
  console.log(`write  ${write}`)
  console.log(`after  answers that had to come from the database again: ${count(after, fromDatabase)}`)
  console.log(`speed  warm was ${(totalMs(cold) / totalMs(warm)).toFixed(1)} times as fast as cold`)

  // All of it is asked once more with the cache emptied: what stayed cached has to be what the database says.
  await invalidate('*')
  const truth = (await runPass(statistics)).map((answer) => (fromDatabase(answer) ? answer : undefined))
  console.log(`check  warm answers equal to the cold ones: ${equal(warm, cold)}`)
  console.log(`check  answers after the write equal to the database's: ${equal(after, truth)}`)
}

async function timedWrite(statistics: FlightStatistics): Promise<string> {
  let removed = 0
  let deferred = false
  const stopListening = defaultCache.on((event) => {
    if (event.type !== 'invalidate') return
    removed += event.removed
    deferred ||= event.deferred
  })
  const start = performance.now()
  const flights = await statistics.recordDelay('ATL', '2001-02-12', 60)
  const ms = formatMs(performance.now() - start)
  stopListening()
  const effect = deferred ? 'invalidation kept for when Redis is back' : `${removed} cached answers removed`
  return `recordDelay('ATL', '2001-02-12', 60): ${flights} rows updated, ${effect}, ${ms} ms`
}

function fromDatabase({ from }: Answer): boolean {
  return from === 'database'
}

function equal(pass: readonly Answer[], other: readonly (Answer | undefined)[]): string {
  return count(pass, ({ value }, i) => isDeepStrictEqual(value, other[i]?.value))
}

function count(pass: readonly Answer[], test: (answer: Answer, index: number) => boolean): string {
  return `${pass.filter(test).length} of ${pass.length}`
}
