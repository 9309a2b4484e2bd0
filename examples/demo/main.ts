import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { configureCache, defaultCache, invalidate } from 'cachewell'
import { openDatabase } from './database.ts'
import { FlightStatistics } from './flight-statistics.ts'
import { loadDatasets } from './load-datasets.ts'
import { listen, pageServer } from './page-server.ts'
import { progressLine } from './progress-line.ts'
import { runOnce } from './run-once.ts'
import { storeInUse } from './store-in-use.ts'

const USAGE = `usage: npm run demo -- [--port=4280] [--near]   serves the page; --near needs REDIS_URL
       npm run demo -- --once [--near]          prints figures and ends`

const settings = readSettings()
if (settings) await demo(settings)
else process.exitCode = 2

function readSettings() {
  try {
    const { values } = parseArgs({
      options: {
        once: { type: 'boolean', default: false },
        near: { type: 'boolean', default: false },
        port: { type: 'string', default: '4280' },
      },
    })
    const port = Number(values.port)
    if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`not a port: ${values.port}`)
    if (values.near && !process.env.REDIS_URL) throw new Error('--near keeps copies of what is in Redis: set REDIS_URL')
    return { ...values, port }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${USAGE}`)
  }
}

async function demo({ once, near, port }: { once: boolean; near: boolean; port: number }): Promise<void> {
  // The demo tells of the connection itself. In a service, leave `logger` alone: it writes warnings to the console.
  configureCache({ url: process.env.REDIS_URL || 'memory:', prefix: 'flights-demo', near, logger: false })
  const database = openDatabase()
  try {
    console.log('Starting Postgres (PGlite, on a thread of its own) and loading the data')
    await loadDatasets(database, progressLine(process.stdout))
    const store = storeInUse(near)
    // The data is as it was before any write; and what an earlier run left in Redis would make the first load warm.
    await invalidate('*')
    const { name, hint } = store()
    console.log(`\nStore: ${name}\n${hint ? `${hint}\n` : ''}`)
    const statistics = new FlightStatistics(database)
    const server = pageServer(statistics, store)
    if (once) await runOnce(statistics, server)
    else await serve(server, port)
  } finally {
    await defaultCache.close()
    await database.close()
  }
}

async function serve(server: ReturnType<typeof pageServer>, port: number): Promise<void> {
  const url = await listen(server, port).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
    console.error(`Port ${port} is taken; with --port=0 a free one is chosen.`)
  })
  if (!url) {
    process.exitCode = 1
    return
  }
  console.log(`Flight operations: ${url}   (Ctrl-C ends it)`)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  server.close()
  server.closeAllConnections()
}
