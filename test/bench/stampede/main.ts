import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { sleep } from '../../support/real-time.ts'
import { RedisServer } from '../../support/redis-server.ts'
import { namesIn, wholeNumber } from '../arguments.ts'
import { buildCachewell } from '../build.ts'
import { isPeer } from '../contestants.ts'
import { describeMachine, type Machine, machineLine } from '../machine.ts'
import { installPeers } from '../peers/install.ts'
import { type Traffic, TrafficCounter } from '../traffic.ts'
import { contestant, NAMES } from './contestants.ts'
import { Fleet, type Outcome } from './fleet.ts'
import { brokenPromises, type Result, resultTable, summarise } from './report.ts'

const USAGE = `npm run bench:stampede -- [--rounds 10] [--counted 3] [--only cachewell,hand-written] [--json FILE]`
const PROCESSES = 4
const CALLERS = 250
const LOAD_MS = 200
const MAX_APART_MS = 50
const ATTEMPTS = 5
/** What one contestant leaves behind shall not weigh on the next. */
const PAUSE_MS = 100

interface Options {
  readonly rounds: number
  readonly counted: number
  readonly names: readonly string[]
  readonly json: string | undefined
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '10' },
      counted: { type: 'string', default: '3' },
      only: { type: 'string', default: NAMES.join(',') },
      json: { type: 'string' },
    },
  })
  return {
    rounds: wholeNumber(values.rounds, USAGE),
    counted: wholeNumber(values.counted, USAGE),
    names: namesIn(values.only, NAMES),
    json: values.json,
  }
}

/** Each once per round, and another one first each time. */
async function inTurns(fleets: readonly Fleet[], rounds: number, turn: (fleet: Fleet, round: number) => Promise<void>) {
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < fleets.length; i++) {
      await turn(fleets[(i + round) % fleets.length] as Fleet, round)
      await sleep(PAUSE_MS)
    }
  }
}

const stampede = (fleet: Fleet, key: string) => fleet.run({ key, callers: CALLERS, loadMs: LOAD_MS })

/** On a busy machine a process can start so late that it finds the value of the others: such a round is run again. */
async function stampedeAtOnce(fleet: Fleet, key: string): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await stampede(fleet, `${key}-${attempt}`)
    if (outcome.apartMs <= MAX_APART_MS || attempt === ATTEMPTS) return outcome
  }
}

async function measure(fleets: readonly Fleet[], redis: RedisServer, options: Options): Promise<Result[]> {
  const rounds = new Map<Fleet, Outcome[]>(fleets.map((fleet) => [fleet, []]))
  const counted = new Map<Fleet, Traffic[]>(fleets.map((fleet) => [fleet, []]))

  await inTurns(fleets, options.rounds, async (fleet, round) => {
    rounds.get(fleet)?.push(await stampedeAtOnce(fleet, `timed-${round}`))
  })
  using counter = await TrafficCounter.start(redis)
  await inTurns(fleets, options.counted, async (fleet, round) => {
    counted.get(fleet)?.push(await counter.during(fleet.database, () => stampede(fleet, `counted-${round}`)))
  })
  return fleets.map((fleet) => ({
    contestant: fleet.contestant,
    rounds: rounds.get(fleet) ?? [],
    counted: counted.get(fleet) ?? [],
  }))
}

async function run(options: Options): Promise<void> {
  if (options.names.some(isPeer)) installPeers()
  using build = buildCachewell()
  await using redis = await RedisServer.start()
  const machine = await describeMachine(redis)
  const fleets: Fleet[] = []
  try {
    for (const [i, name] of options.names.entries()) {
      fleets.push(await Fleet.start(contestant(name), PROCESSES, redis.url, i + 1, { CACHEWELL_BUILD: build.url }))
    }
    report(await measure(fleets, redis, options), machine, options)
  } finally {
    await Promise.all(fleets.map((fleet) => fleet[Symbol.asyncDispose]()))
  }
}

function report(results: readonly Result[], machine: Machine, options: Options): void {
  const summaries = results.map((result) => summarise(result, LOAD_MS))
  const apart = Math.max(...results.flatMap(({ rounds }) => rounds.map(({ apartMs }) => apartMs)))

  console.log(`\n${PROCESSES} processes x ${CALLERS} callers of one cold key, a loader of ${LOAD_MS} ms`)
  console.log(
    `Rounds each: ${options.rounds}, in turns; the processes of a round started at most ${apart.toFixed(1)} ms apart`,
  )
  console.log(machineLine(machine))
  console.log(`\n${resultTable(summaries)}\n`)
  console.log('loads: of all processes together. slowest: the slowest caller, in ms over the loader.')
  console.log(
    `commands sent, commands that scripts ran, messages pushed: median of ${options.counted} rounds not timed.`,
  )

  if (options.json !== undefined) {
    const settings = { processes: PROCESSES, callers: CALLERS, loadMs: LOAD_MS }
    writeFileSync(options.json, `${JSON.stringify({ machine, settings, summaries, results }, null, 2)}\n`)
  }
  for (const { name, failed } of summaries) {
    if (failed > 0) console.error(`${name}: ${failed} callers did not get the value`)
  }
  const own = summaries.find(({ name }) => name === 'cachewell')
  const broken = own ? brokenPromises(own) : []
  for (const line of broken) console.error(`FAILED: cachewell: ${line}`)
  if (broken.length > 0) process.exitCode = 1
}

try {
  await run(readOptions())
} catch (error) {
  console.error(`bench:stampede: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 2
}
