import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Child, runChild } from '../support/child.ts'
import { sleep } from '../support/real-time.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { check, type Violation } from './check.ts'
import { type History, isOperation, now, parseEntries, type Stop } from './history.ts'
import type { Mutant } from './mutants.ts'
import { Random } from './random.ts'

export interface HistoryOptions {
  /** At least so many. */
  readonly operations: number
  readonly processes: number
  readonly seed: number
  /** A cache that does not keep the promises. */
  readonly breaking?: Mutant
  /** Kills and stops processes, and pauses Redis. Default true. */
  readonly trouble?: boolean
}

export interface Outcome {
  readonly history: History
  readonly violations: readonly Violation[]
  readonly operations: number
  readonly counts: Readonly<Record<string, number>>
}

const HOST_LIMIT_MS = 600_000

interface Running {
  readonly child: Child
  readonly file: string
  readonly stops: Stop[]
  killedAt?: number
}

/** Lets a fleet work, and checks what it has recorded. */
export async function runHistory(options: HistoryOptions): Promise<Outcome> {
  await using redis = await RedisServer.start()
  await using fleet = new Fleet(redis, options)
  await fleet.start()
  await Promise.all([fleet.untilEnough(), options.trouble === false ? undefined : fleet.trouble()])
  const history = await fleet.stop()
  const entries = history.flatMap((member) => member.entries)
  const counts: Record<string, number> = {
    processes: history.length,
    kills: history.filter(({ killedAt }) => killedAt !== undefined).length,
    stops: history.flatMap(({ stops }) => stops).length,
    pauses: history[0]?.pauses?.length ?? 0,
  }
  for (const { kind } of entries) if (kind !== 'done') counts[`${kind}s`] = (counts[`${kind}s`] ?? 0) + 1
  return { history, violations: check(history), operations: entries.filter(isOperation).length, counts }
}

class Fleet {
  readonly #redis: RedisServer
  readonly #options: HistoryOptions
  readonly #random: Random
  readonly #directory = mkdtempSync(join(tmpdir(), 'cachewell-history-'))
  readonly #members: Running[] = []
  readonly #pauses: Stop[] = []
  #enough = false

  constructor(redis: RedisServer, options: HistoryOptions) {
    this.#redis = redis
    this.#options = options
    this.#random = new Random(options.seed)
  }

  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.processes }, () => this.#add()))
  }

  async untilEnough(): Promise<void> {
    while (this.#operations() < this.#options.operations) {
      const ended = this.#living().find(({ child }) => child.messages.some(isDone))
      if (ended) throw new Error(`a process ended by itself: ${ended.child.stderr}`)
      await sleep(50)
    }
    this.#enough = true
  }

  /** One process at a time is killed or stopped, and Redis is paused in between, for as long as there is work. */
  async trouble(): Promise<void> {
    const troubles = [() => this.#pauseRedis(), () => this.#kill(), () => this.#pauseRedis(), () => this.#stall()]
    for (let i = 0; !this.#enough; i++) {
      await sleep(this.#random.between(500, 2_500))
      if (!this.#enough) await troubles[i % troubles.length]?.()
    }
  }

  async stop(): Promise<History> {
    for (const { child } of this.#living()) child.send({ type: 'stop' })
    const finished = () => this.#living().every(({ child }) => child.messages.some(isDone))
    await until(finished, { label: 'the ends of all processes', timeoutMs: 30_000 })
    return this.#members.map(({ file, stops, killedAt }) => {
      return { entries: parseEntries(readFileSync(file, 'utf8')), stops, killedAt, pauses: this.#pauses }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#members) child.kill()
    await Promise.all(this.#members.map(({ child }) => child.done))
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #living(): Running[] {
    return this.#members.filter(({ killedAt }) => killedAt === undefined)
  }

  #operations(): number {
    return this.#members.reduce((sum, { child }) => {
      const last = child.messages.at(-1) as { operations?: number } | undefined
      return sum + (last?.operations ?? 0)
    }, 0)
  }

  async #add(): Promise<void> {
    const by = this.#members.length
    const file = join(this.#directory, `${by}.jsonl`)
    const child = runChild('test/history/worker.ts', {
      timeoutMs: HOST_LIMIT_MS,
      env: {
        HISTORY_REDIS_URL: this.#redis.url,
        HISTORY_FILE: file,
        HISTORY_BY: String(by),
        HISTORY_SEED: String(this.#options.seed),
        HISTORY_BREAK: this.#options.breaking,
      },
    })
    this.#members.push({ child, file, stops: [] })
    const started = until(() => child.messages.length > 0, { label: 'a process to start', timeoutMs: 20_000 })
    await Promise.race([started, child.done.then(({ stderr }) => Promise.reject(new Error(`not started: ${stderr}`)))])
  }

  async #pauseRedis(): Promise<void> {
    const from = now()
    this.#redis.pause()
    await sleep(this.#random.between(200, 900))
    this.#redis.resume()
    this.#pauses.push({ from, to: now() })
  }

  async #kill(): Promise<void> {
    const member = this.#any()
    member.killedAt = now()
    member.child.kill('SIGKILL')
    await member.child.done
    await this.#add()
  }

  /** For longer than its leases last. */
  async #stall(): Promise<void> {
    const { child, stops } = this.#any()
    const from = now()
    child.kill('SIGSTOP')
    await sleep(this.#random.between(5_500, 7_000))
    child.kill('SIGCONT')
    stops.push({ from, to: now() })
  }

  #any(): Running {
    const living = this.#living()
    return living[Math.floor(this.#random.between(0, living.length))] as Running
  }
}

function isDone(message: unknown): boolean {
  return (message as { type?: string }).type === 'done'
}
