import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Child, runChild } from '../support/child.ts'
import { sleep } from '../support/real-time.ts'
import { until } from '../support/until.ts'
import { type History, now, parseEntries, type Stop } from './history.ts'
import type { Mutant } from './mutants.ts'
import type { Random } from './random.ts'
import type { Order } from './worker.ts'

export interface FleetOptions {
  readonly processes: number
  readonly seed: number
  /** A cache that does not keep the promises: in every process, or in some, by their numbers. */
  readonly breaking?: Mutant | readonly (Mutant | undefined)[]
}

/** Where the processes of a fleet find what they need. */
export interface Place {
  /** The store, as the process sees it that is number `by`. */
  urlFor(by: number): string
  /** How old its near copies may be, in ms; `undefined`: it keeps none. */
  nearMsOf?(by: number): number | undefined
  /** A Redis for the source of truth. */
  readonly truthUrl: string
}

interface Running {
  readonly child: Child
  readonly file: string
  readonly stops: Stop[]
  readonly pauses: Stop[]
  readonly nearMs?: number
  killedAt?: number
}

const HOST_LIMIT_MS = 600_000

/** Processes that work on one cache, each with the record that it writes. */
export class Fleet implements AsyncDisposable {
  readonly #place: Place
  readonly #options: FleetOptions
  readonly #random: Random
  readonly #directory = mkdtempSync(join(tmpdir(), 'cachewell-history-'))
  readonly #members: Running[] = []

  constructor(place: Place, options: FleetOptions, random: Random) {
    this.#place = place
    this.#options = options
    this.#random = random
  }

  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.processes }, () => this.#add()))
  }

  async untilEnough(operations: number): Promise<void> {
    while (this.#operations() < operations) {
      const ended = this.#living().find(({ child }) => said(child, 'done') > 0)
      if (ended) throw new Error(`a process ended by itself: ${ended.child.stderr}`)
      await sleep(50)
    }
  }

  async stop(): Promise<History> {
    this.#order('stop')
    await this.#untilAllSay('done', () => 1)
    return this.#members.map(({ file, stops, pauses, killedAt, nearMs }) => {
      return { entries: parseEntries(readFileSync(file, 'utf8')), stops, killedAt, pauses, nearMs }
    })
  }

  /** How often something has happened, as the processes that have ended by themselves have counted it. */
  sumOf(count: string): number {
    const ends = this.#members.flatMap(({ child }) => child.messages).filter((message) => isOf(message, 'done'))
    return ends.reduce<number>((sum, end) => sum + Number((end as Record<string, unknown>)[count] ?? 0), 0)
  }

  async kill(): Promise<void> {
    const member = this.#any()
    member.killedAt = now()
    member.child.kill('SIGKILL')
    await member.child.done
    await this.#add()
  }

  /** Stops a process, by default for longer than its leases last. */
  async stall(leastMs = 5_500, mostMs = 7_000): Promise<void> {
    const { child, stops } = this.#any()
    const from = now()
    child.kill('SIGSTOP')
    await sleep(this.#random.between(leastMs, mostMs))
    child.kill('SIGCONT')
    stops.push({ from, to: now() })
  }

  /** Notes that the store does not answer, or may not, for as long as `work` goes on. To one process, or to all. */
  async without(work: () => Promise<void>, by?: number): Promise<void> {
    const from = now()
    await work()
    const pause = { from, to: now() }
    const concerned = by === undefined ? this.#members : this.#members.slice(by, by + 1)
    for (const { pauses } of concerned) pauses.push(pause)
  }

  /** Does something at a time when nothing changes the cache. */
  async whileHushed(work: () => Promise<void>): Promise<void> {
    const heard = new Map(this.#living().map(({ child }) => [child, said(child, 'hushed')]))
    this.#order('hush')
    try {
      await this.#untilAllSay('hushed', (child) => (heard.get(child) ?? 0) + 1)
      await work()
    } finally {
      this.#order('speak')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#members) child.kill()
    await Promise.all(this.#members.map(({ child }) => child.done))
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #order(type: Order['type']): void {
    for (const { child } of this.#living()) child.send({ type } satisfies Order)
  }

  async #untilAllSay(type: string, times: (child: Child) => number): Promise<void> {
    const haveSaid = () => this.#living().every(({ child }) => said(child, type) >= times(child))
    await until(haveSaid, { label: `all processes to be ${type}`, timeoutMs: 30_000 })
  }

  #living(): Running[] {
    return this.#members.filter(({ killedAt }) => killedAt === undefined)
  }

  #any(): Running {
    const living = this.#living()
    return living[Math.floor(this.#random.between(0, living.length))] as Running
  }

  #operations(): number {
    return this.#members.reduce((sum, { child }) => {
      const counts = child.messages.map((message) => (message as { operations?: number }).operations ?? 0)
      return sum + Math.max(0, ...counts)
    }, 0)
  }

  async #add(): Promise<void> {
    const by = this.#members.length
    const file = join(this.#directory, `${by}.jsonl`)
    const nearMs = this.#place.nearMsOf?.(by)
    const { breaking, seed } = this.#options
    const child = runChild('test/history/worker.ts', {
      timeoutMs: HOST_LIMIT_MS,
      env: {
        HISTORY_CACHE_URL: this.#place.urlFor(by),
        HISTORY_TRUTH_URL: this.#place.truthUrl,
        HISTORY_FILE: file,
        HISTORY_BY: String(by),
        HISTORY_SEED: String(seed),
        HISTORY_BREAK: typeof breaking === 'string' ? breaking : breaking?.[by],
        HISTORY_NEAR_MS: nearMs === undefined ? undefined : String(nearMs),
      },
    })
    this.#members.push({ child, file, stops: [], pauses: [], nearMs })
    const started = until(() => said(child, 'ready') > 0, { label: 'a process to start', timeoutMs: 20_000 })
    await Promise.race([started, child.done.then(({ stderr }) => Promise.reject(new Error(`not started: ${stderr}`)))])
  }
}

/** How often it has. */
function said(child: Child, type: string): number {
  return child.messages.filter((message) => isOf(message, type)).length
}

function isOf(message: unknown, type: string): boolean {
  return (message as { type?: string }).type === type
}
