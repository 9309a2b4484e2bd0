import { parseArgs } from 'node:util'
import { RedisServer } from '../../support/redis-server.ts'
import { wholeNumber } from '../arguments.ts'
import { buildCachewell } from '../build.ts'
import { describeMachine, machineLine } from '../machine.ts'
import { table } from '../table.ts'
import { type Cost, costOf } from './cost.ts'
import { rowsOf } from './values.ts'
import { METHODS, type Work, workOf, workOfJson } from './work.ts'

const USAGE = 'npm run bench:compression -- [--rounds 51]'
const SIZES = [1_000, 10_000, 100_000, 300_000, 1_000_000]
const LIMIT_MS = 600_000

const kB = (bytes: number) => (bytes / 1_000).toFixed(1)
const ms = (time: number) => time.toFixed(time < 0.1 ? 3 : 2)

function workTable(size: number, rounds: number): string {
  const value = rowsOf(size)
  const data = Buffer.from(JSON.stringify(value))
  const json = workOfJson(value, rounds)
  const row = ({ name, bytes, compressMs, expandMs }: Work) => {
    return [name, kB(bytes), `${Math.round((bytes / json.bytes) * 100)} %`, ms(compressMs), ms(expandMs)]
  }
  const rows = [json, ...METHODS.map((method) => workOf(method, data, rounds))].map(row)
  return table([`${kB(size)} kB`, 'kB', 'of JSON', 'make, ms', 'read, ms'], rows)
}

async function costTable(redis: RedisServer, build: string, rounds: number): Promise<string> {
  const { createCache }: typeof import('cachewell') = await import(build)
  const rows: string[][] = []
  for (const size of SIZES) {
    const value = rowsOf(size)
    for (const compression of [false, true]) {
      const cache = createCache({
        url: redis.url,
        prefix: 'bench',
        logger: false,
        compression,
        maxValueBytes: 2_000_000,
      })
      const { bytes, hitMs, busyMs, againMs, setMs }: Cost = await costOf(cache, redis, value, rounds)
      const times = [hitMs, busyMs, againMs, setMs].map(ms)
      rows.push([`${kB(size)} kB${compression ? ', gzip' : ''}`, kB(bytes), ...times])
      await cache.close()
    }
  }
  return table(['a value of', 'in Redis, kB', 'hit, ms', 'loop busy, ms', 'hit again, ms', 'set, ms'], rows)
}

async function run(rounds: number): Promise<void> {
  using build = buildCachewell()
  await using redis = await RedisServer.start()
  console.log(`${machineLine(await describeMachine(redis))}\nMedians of ${rounds}\n`)
  for (const size of SIZES) console.log(`${workTable(size, rounds)}\n`)
  console.log(await costTable(redis, build.url, rounds))
}

try {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '51' } } })
  setTimeout(() => {
    console.error('bench:compression: took too long')
    process.exit(2)
  }, LIMIT_MS).unref()
  await run(wholeNumber(values.rounds, USAGE))
} catch (error) {
  console.error(`bench:compression: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 2
}
