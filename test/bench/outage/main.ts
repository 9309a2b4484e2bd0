import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { RedisServer } from '../../support/redis-server.ts'
import { namesIn, wholeNumber } from '../arguments.ts'
import { buildCachewell } from '../build.ts'
import { cachewell, isPeer } from '../contestants.ts'
import { describeMachine, type Machine, machineLine } from '../machine.ts'
import { installPeers } from '../peers/install.ts'
import { contestant, NAMES } from './contestants.ts'
import { HUNG, type Outage, REFUSED, SLOW, SLOW_MS } from './outages.ts'
import {
  BARS,
  barsLine,
  brokenPromises,
  byBreaker,
  comparison,
  labelOf,
  nameOf,
  type Summary,
  summarise,
} from './report.ts'
import { CALL_LIMIT_MS, LOAD_MS, OUTAGE_MS } from './settings.ts'
import { type Entry, startTrial, type Trial } from './trial.ts'

const USAGE = `npm run bench:outage -- [--rounds 1] [--only cachewell,hand-written] [--json FILE]`
const OUTAGES = [REFUSED, HUNG, SLOW]
const MORE = new Map<Outage, Pick<Entry, 'commandTimeout' | 'crowd'>>([
  [HUNG, { crowd: 50 }],
  // Less than a slow Redis takes: it has to be given up.
  [SLOW, { commandTimeout: '50ms' }],
])
/** Of one round. Whatever hangs then, hangs in the bench: ending ends all that it has started. */
const ROUND_LIMIT_MS = 600_000

interface Options {
  readonly rounds: number
  readonly names: readonly string[]
  readonly json: string | undefined
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '1' },
      only: { type: 'string', default: NAMES.join(',') },
      json: { type: 'string' },
    },
  })
  return { rounds: wholeNumber(values.rounds, USAGE), names: namesIn(values.only, NAMES), json: values.json }
}

/** Each contestant as it comes; cachewell once more where its options, or what else it is doing, matter. */
function entriesOf(names: readonly string[]): Entry[] {
  return OUTAGES.flatMap((outage) =>
    names.flatMap((name): Entry[] => {
      const entry = { contestant: contestant(name), outage }
      const more = name === cachewell.name ? MORE.get(outage) : undefined
      return more ? [entry, { ...entry, ...more }] : [entry]
    }),
  )
}

/** One after the other, but that nobody waits for calls that do not come back. */
async function measure(entries: readonly Entry[], rounds: number, env: Record<string, string>): Promise<Trial[]> {
  const trials: Promise<Trial>[] = []
  for (let round = 0; round < rounds; round++) {
    for (const entry of entries) {
      const { idle, over } = startTrial(entry, env)
      trials.push(over)
      await idle
    }
  }
  return Promise.all(trials)
}

async function describe(): Promise<Machine> {
  await using redis = await RedisServer.start()
  return await describeMachine(redis)
}

async function run(options: Options): Promise<void> {
  if (options.names.some(isPeer)) installPeers()
  using build = buildCachewell()
  const machine = await describe()
  const entries = entriesOf(options.names)
  report(entries, await measure(entries, options.rounds, { CACHEWELL_BUILD: build.url }), machine, options)
}

function report(entries: readonly Entry[], trials: readonly Trial[], machine: Machine, options: Options): void {
  const trialsOf = (entry: Entry) => trials.filter((trial) => trial.entry === entry)
  const summaries = entries.map((entry) => summarise(entry, trialsOf(entry)))
  const own = summaries.filter(({ entry }) => entry.contestant === cachewell)

  console.log(`\nCalls one after the other, on distinct and on repeated keys in turns, for ${OUTAGE_MS / 1_000} s`)
  console.log(`Rounds each: ${options.rounds}; a loader of ${LOAD_MS} ms. Costs: in ms over the loader`)
  console.log(machineLine(machine))
  for (const outage of OUTAGES) {
    console.log(`\n${outage.title}\n${comparison(summaries.filter(({ entry }) => entry.outage === outage))}`)
  }
  console.log(`\n> ${CALL_LIMIT_MS / 1_000} s: a call did not come back in that time, and was the last one.`)
  if (own.length > 0) console.log(`\ncachewell and its circuit breaker\n${byBreaker(own)}\n\n${barsLine}`)

  if (options.json !== undefined) {
    const settings = { loadMs: LOAD_MS, outageMs: OUTAGE_MS, slowMs: SLOW_MS, bars: BARS }
    writeFileSync(options.json, `${JSON.stringify({ machine, settings, summaries, trials }, null, 2)}\n`)
  }
  complain(summaries, own)
}

function complain(summaries: readonly Summary[], own: readonly Summary[]): void {
  for (const { entry, errors, uncaught } of summaries) {
    const where = `${nameOf(entry)}, ${entry.outage.title}`
    for (const error of errors) console.error(`${where}: ${error}`)
    if (uncaught.length > 0)
      console.error(`${where}: would have ended the process ${uncaught.length} x: ${uncaught[0]}`)
  }
  const broken = own.flatMap((one) => brokenPromises(one).map((line) => `${labelOf(one.entry)}: ${line}`))
  for (const line of broken) console.error(`FAILED: cachewell: ${line}`)
  if (broken.length > 0) process.exitCode = 1
}

try {
  const options = readOptions()
  setTimeout(() => {
    console.error('bench:outage: took too long')
    process.exit(2)
  }, options.rounds * ROUND_LIMIT_MS).unref()
  await run(options)
} catch (error) {
  console.error(`bench:outage: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 2
}
