import { type Child, runChild } from '../../support/child.ts'
import type { Contestant } from '../contestants.ts'
import { heard } from '../heard.ts'
import { wallClock } from '../wall-clock.ts'
import type { Round, RoundReport } from './member.ts'

/** What came of one stampede. */
export interface Outcome {
  readonly loads: number
  readonly slowestMs: number
  readonly failed: number
  /** Between the first process to start its callers and the last. */
  readonly apartMs: number
  readonly byProcess: readonly Pick<RoundReport, 'loads' | 'slowestMs'>[]
}

export type Stampede = Omit<Round, 'startAt'>

/** Time for the message to reach every process. */
const LEAD_MS = 50
const START_LIMIT_MS = 30_000
const ROUND_LIMIT_MS = 30_000
/** The processes end with ours in any case. */
const LIFE_MS = 3_600_000

/** The processes of one contestant: connected, and with one key loaded each. */
export class Fleet {
  readonly contestant: Contestant
  /** The Redis database that nobody else uses. */
  readonly database: number
  readonly #members: readonly Child[]

  private constructor(contestant: Contestant, database: number, members: readonly Child[]) {
    this.contestant = contestant
    this.database = database
    this.#members = members
  }

  static async start(
    contestant: Contestant,
    size: number,
    redisUrl: string,
    database: number,
    env: Record<string, string>,
  ): Promise<Fleet> {
    const start = () =>
      runChild('test/bench/stampede/member.ts', {
        env: {
          ...env,
          NODE_ENV: 'production',
          STAMPEDE_ADAPTER: contestant.adapter.href,
          STAMPEDE_REDIS_URL: `${redisUrl}/${database}`,
        },
        timeoutMs: LIFE_MS,
      })
    const fleet = new Fleet(contestant, database, Array.from({ length: size }, start))
    await fleet.#heard('ready', START_LIMIT_MS)
    return fleet
  }

  async run(stampede: Stampede): Promise<Outcome> {
    const round: Round = { ...stampede, startAt: wallClock() + LEAD_MS }
    for (const member of this.#members) member.send(round)
    const reports = await this.#heard<RoundReport>('done', ROUND_LIMIT_MS, ({ key }) => key === round.key)
    const starts = reports.map(({ startedAt }) => startedAt)
    return {
      loads: sum(reports.map(({ loads }) => loads)),
      slowestMs: Math.max(...reports.map(({ slowestMs }) => slowestMs)),
      failed: sum(reports.map(({ failed }) => failed)),
      apartMs: Math.max(...starts) - Math.min(...starts),
      byProcess: reports.map(({ loads, slowestMs }) => ({ loads, slowestMs })),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.#members) member.kill()
    await Promise.all(this.#members.map((member) => member.done))
  }

  /** One message of this type from each of the processes. */
  async #heard<T>(type: string, timeoutMs: number, matches?: (message: T) => boolean): Promise<T[]> {
    try {
      return await Promise.all(this.#members.map((member) => heard(member, type, timeoutMs, matches)))
    } catch (error) {
      await this[Symbol.asyncDispose]()
      throw new Error(`${this.contestant.name}: ${error instanceof Error ? error.message : error}`)
    }
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)
