import { Random } from '../history/random.ts'
import { type Child, runChild } from '../support/child.ts'
import { late, now, sleep, within } from '../support/real-time.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { clusterTroubles } from './cluster-troubles.ts'
import { judge } from './judge.ts'
import type { Enter, Entered, Message, Phase, Problem, Sample } from './messages.ts'
import { serverTroubles } from './server-troubles.ts'
import { Storm } from './storm.ts'

export interface SoakOptions {
  /** How long the storm lasts. */
  readonly minutes: number
  readonly seed: number
  /** Between two troubles of one Redis. Default 4000. */
  readonly everyMs?: number
  /** Hears how it goes, every ten seconds. */
  readonly onStatus?: (status: Status) => void
}

export interface Status {
  readonly seconds: number
  readonly workers: readonly Worker[]
  readonly storms: readonly Storm[]
}

export interface Worker {
  readonly name: string
  readonly child: Child
  readonly samples: readonly Sample[]
  readonly found: readonly Problem[]
  /** When it was last heard of. */
  toldAt: number
}

export interface Outcome {
  readonly workers: readonly Worker[]
  readonly storms: readonly Storm[]
  readonly problems: readonly Problem[]
}

/** One waits for the loads of the other. */
const WORKERS = 2
const EVERY_MS = 4_000
const STATUS_MS = 10_000
/** The compiler of the engine works, and the caches fill. */
const WARM_UP_MS = 8_000
/** A third of a storm should have a dozen, but a collection of garbage takes its time. */
const SAMPLES = 40
const SAMPLE_MS = { least: 500, most: 5_000 }
/** For what belongs to a phase: all calls have to end. */
const PHASE_MS = 90_000
const END_MS = 5_000
/** Whoever tells nothing for so long is caught in a loop. */
const SILENCE_MS = 30_000

/** Lets a fleet work while its Redis is broken all the time, and judges what it tells. */
export async function runSoak(options: SoakOptions): Promise<Outcome> {
  await using server = await RedisServer.start()
  await using cluster = await RedisCluster.start({ replicasPerMaster: 1 })
  await using fleet = new Fleet(server.url, cluster.url, options)
  const storms = stormsOver(server, cluster, options)
  // Whatever breaks it off, what workers have told by then is judged.
  const ends = await fleet
    .weather(storms, () => cluster.settled())
    .catch((error: Error) => [{ rule: 'broken off', text: error.message }])
  return { workers: fleet.workers, storms, problems: [...ends, ...fleet.problems(), ...judgeStorms(storms)] }
}

function stormsOver(server: RedisServer, cluster: RedisCluster, { seed, everyMs = EVERY_MS }: SoakOptions): Storm[] {
  const [mine, other] = [new Random(seed), new Random(seed + 1)]
  return [
    new Storm('server', serverTroubles(server, mine), mine, everyMs),
    new Storm('cluster', clusterTroubles(cluster, other), other, everyMs),
  ]
}

function judgeStorms(storms: readonly Storm[]): Problem[] {
  const idle = storms.filter(({ happened }) => Object.keys(happened).length === 0)
  return idle.map(({ name, failures }) => ({
    rule: 'too little',
    text: `nothing happened to the ${name} ${failures.join('; ')}`,
  }))
}

class Fleet {
  readonly workers: readonly Worker[]
  readonly #options: SoakOptions
  readonly #began = now()

  constructor(serverUrl: string, clusterUrl: string, options: SoakOptions) {
    this.#options = options
    const stormMs = options.minutes * 60_000
    const sampleMs = Math.min(SAMPLE_MS.most, Math.max(SAMPLE_MS.least, stormMs / SAMPLES))
    this.workers = Array.from({ length: WORKERS }, (_, by) => {
      return startWorker(by, stormMs, {
        SOAK_SERVER_URL: serverUrl,
        SOAK_CLUSTER_URL: clusterUrl,
        SOAK_BY: String(by),
        SOAK_SEED: String(options.seed),
        SOAK_SAMPLE_MS: String(sampleMs),
      })
    })
  }

  /** Through the storms, and to the end of all workers. Says how it goes. */
  async weather(storms: readonly Storm[], settled: () => Promise<void>): Promise<Problem[]> {
    await this.#enter('warm-up')
    await sleep(WARM_UP_MS)
    await this.#enter('storm')
    for (const storm of storms) storm.begin()
    try {
      await this.#untilEnough(storms)
    } finally {
      await Promise.all(storms.map((storm) => storm.end()))
    }
    await settled()
    for (const phase of ['calm', 'rest', 'closed'] as const) await this.#enter(phase)
    return (await Promise.all(this.workers.map(judgeEnding))).flat()
  }

  problems(): Problem[] {
    return this.workers.flatMap(({ name, found, samples }) =>
      [...found, ...judge(samples)].map(({ rule, text }) => ({ rule, text: `${name}: ${text}` })),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.workers) child.kill()
    await Promise.all(this.workers.map(({ child }) => child.done))
  }

  /** Resolves when all have entered the phase. The first they enter by themselves. */
  async #enter(phase: Phase): Promise<void> {
    const message: Enter = { enter: phase }
    if (phase !== 'warm-up') for (const { child } of this.workers) child.send(message)
    await Promise.all(this.workers.map((worker) => this.#entered(worker, phase)))
  }

  async #entered({ child, name }: Worker, phase: Phase): Promise<void> {
    const isEntered = () =>
      child.messages.some((message) => (message as Message).type === 'entered' && (message as Entered).phase === phase)
    const ended = child.done.then(({ stderr }) => isEntered() || raise(`${name} ended by itself: ${stderr}`))
    const label = `${name} to enter the phase '${phase}'`
    await Promise.race([until(isEntered, { label, timeoutMs: PHASE_MS }), ended])
  }

  async #untilEnough(storms: readonly Storm[]): Promise<void> {
    const end = now() + this.#options.minutes * 60_000
    while (now() < end) {
      await sleep(Math.min(STATUS_MS, end - now() + 1))
      this.#assertAlive()
      this.#options.onStatus?.({ seconds: (now() - this.#began) / 1_000, workers: this.workers, storms })
    }
  }

  #assertAlive(): void {
    for (const { name, child, toldAt } of this.workers) {
      if (child.pid === undefined || !isAlive(child.pid)) raise(`${name} ended by itself: ${child.stderr}`)
      if (now() - toldAt > SILENCE_MS) raise(`${name} says nothing any more`)
    }
  }
}

function startWorker(by: number, stormMs: number, env: Record<string, string>): Worker {
  const [samples, found]: [Sample[], Problem[]] = [[], []]
  const child = runChild('test/soak/worker.ts', {
    nodeArgs: ['--expose-gc'],
    timeoutMs: stormMs + 10 * PHASE_MS,
    env,
    onMessage(message) {
      const told = message as Message
      worker.toldAt = now()
      if (told.type === 'sample') samples.push(told)
      if (told.type === 'problem') found.push({ rule: told.rule, text: told.text })
    },
  })
  const worker: Worker = { name: `process ${by}`, child, samples, found, toldAt: now() }
  return worker
}

/** Nothing of a cache that is closed keeps its process alive, and nothing was said that nobody has asked for. */
async function judgeEnding({ name, child }: Worker): Promise<Problem[]> {
  const found: Problem[] = []
  const ending = await within(child.done, END_MS)
  if (ending === late) found.push({ rule: 'left over', text: `something keeps ${name} alive` })
  else if (ending.code !== 0) found.push({ rule: 'end', text: `${name} ended with ${ending.code ?? ending.signal}` })
  const said = child.stderr.replaceAll(/.*(ExperimentalWarning|--trace-warnings).*\n/g, '')
  if (said !== '') found.push({ rule: 'said', text: `${name}: ${said.slice(0, 2_000)}` })
  return found
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function raise(message: string): never {
  throw new Error(message)
}
