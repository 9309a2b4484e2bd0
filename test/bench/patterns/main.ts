import { parseArgs } from 'node:util'
import type { Cache } from 'cachewell'
import { Redis } from 'ioredis'
import { RedisServer } from '../../support/redis-server.ts'
import { until } from '../../support/until.ts'
import { wholeNumber } from '../arguments.ts'
import { buildCachewell } from '../build.ts'
import { describeMachine, machineLine } from '../machine.ts'
import { median, table } from '../table.ts'
import { removeByHand } from './by-hand.ts'
import { type Latency, Pinger, watched } from './watch-latency.ts'

const USAGE = 'npm run bench:patterns -- [--rounds 9] [--others 990000] [--entries 10000]'
const LIMIT_MS = 900_000
const PREFIX = 'bench'
const FILL_AT_ONCE = 1_000

interface Way {
  readonly name: string
  /** How many entries it ended; `undefined` where it does not count them. */
  run(): Promise<number | undefined>
}

interface Numbers {
  readonly rounds: number
  readonly others: number
  readonly entries: number
}

function waysOf(cache: Cache, byHand: Redis): readonly Way[] {
  const removed = async (work: ReturnType<Cache['invalidate']>) => (await work).removed
  return [
    { name: 'SCAN and UNLINK by hand', run: () => removeByHand(byHand, `${PREFIX}::user:*`) },
    { name: "invalidate('user:*')", run: () => removed(cache.invalidate('user:*')) },
    { name: "… { mode: 'expire' }", run: () => removed(cache.invalidate('user:*', { mode: 'expire' })) },
    { name: '… { dryRun: true }', run: async () => (await cache.invalidate('user:*', { dryRun: true })).matched },
    {
      name: "invalidateTags('users')",
      run: async () => {
        await cache.invalidateTags('users')
        return undefined
      },
    },
  ]
}

async function fill(cache: Cache, entries: number): Promise<void> {
  for (let at = 0; at < entries; at += FILL_AT_ONCE) {
    const count = Math.min(FILL_AT_ONCE, entries - at)
    const items = Array.from({ length: count }, (_, i) => [['user', at + i], { id: at + i, name: 'somebody' }] as const)
    if (!(await cache.setMany(items, { ttl: '1h', tags: ['users'] }))) throw new Error('not all entries were stored')
  }
}

/** All ways in each round, and each round begins with another one. */
async function measure(cache: Cache, ways: readonly Way[], pinger: Pinger, numbers: Numbers): Promise<Latency[][]> {
  const found: Latency[][] = ways.map(() => [])
  for (let round = -1; round < numbers.rounds; round++) {
    for (let turn = 0; turn < ways.length; turn++) {
      const at = (round + 1 + turn) % ways.length
      const { name, run } = ways[at] as Way
      await fill(cache, numbers.entries)
      let ended: number | undefined
      const latency = await watched(pinger, async () => {
        ended = await run()
      })
      if (ended !== undefined && ended !== numbers.entries) throw new Error(`${name}: ${ended} entries were ended`)
      // The first round only warms up.
      if (round >= 0) found[at]?.push(latency)
    }
  }
  return found
}

async function run(numbers: Numbers): Promise<void> {
  using build = buildCachewell()
  await using redis = await RedisServer.start({ args: ['--enable-debug-command', 'yes'] })
  console.log(machineLine(await describeMachine(redis)))
  console.log(
    `${numbers.entries} entries among ${numbers.others} keys of others; medians of ${numbers.rounds} rounds\n`,
  )
  await redis.command('DEBUG', 'POPULATE', numbers.others, 'other')

  await using pinger = new Pinger(build.program(new URL('./pinger.ts', import.meta.url)), redis.url)
  const { createCache }: typeof import('cachewell') = await import(build.url)
  const cache = createCache({ url: redis.url, prefix: PREFIX, logger: false })
  const byHand = new Redis(redis.url)
  try {
    await until(() => cache.set('warm', 1, { ttl: '1h' }), { label: 'a store' })
    const ways = waysOf(cache, byHand)
    const found = await measure(cache, ways, pinger, numbers)
    const base = median((found[0] as Latency[]).map(({ ms }) => ms))
    const rows = ways.map(({ name }, i) => {
      const latencies = found[i] as Latency[]
      const ms = median(latencies.map((one) => one.ms))
      const worst = (of: 'stallMs' | 'pingMs') => {
        const all = latencies.map((one) => one[of])
        return `${median(all).toFixed(1)} (${Math.max(...all).toFixed(1)})`
      }
      return [name, ms.toFixed(1), `${(ms / base).toFixed(2)}x`, worst('stallMs'), worst('pingMs')]
    })
    console.log(table(['', 'ms', 'by hand: 1', 'worst stall of the loop, ms', 'worst ping of others, ms'], rows))
    console.log('\nWorst in a round: the median of the rounds, and of all rounds the worst')
  } finally {
    byHand.disconnect()
    await cache.close()
  }
}

try {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '9' },
      others: { type: 'string', default: '990000' },
      entries: { type: 'string', default: '10000' },
    },
  })
  setTimeout(() => {
    console.error('bench:patterns: took too long')
    process.exit(2)
  }, LIMIT_MS).unref()
  const [rounds, others, entries] = [values.rounds, values.others, values.entries].map((n) => wholeNumber(n, USAGE))
  await run({ rounds, others, entries } as Numbers)
} catch (error) {
  console.error(`bench:patterns: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 2
}
