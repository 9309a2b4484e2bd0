import { type Child, runChild } from '../../support/child.ts'
import { until } from '../../support/until.ts'
import type { Round } from './caller.ts'

export interface Report {
  readonly loads: number
  readonly values: readonly unknown[]
}

interface Told {
  readonly type: 'ready' | 'loading' | 'done'
  readonly key?: string
}

/** Several processes that call the same cached function. */
export class Fleet {
  readonly #members: Child[]

  private constructor(members: Child[]) {
    this.#members = members
  }

  static async start(size: number, url: string): Promise<Fleet> {
    const start = () =>
      runChild('test/integration/fleet/caller.ts', { env: { FLEET_REDIS_URL: url }, timeoutMs: 60_000 })
    const fleet = new Fleet(Array.from({ length: size }, start))
    await until(() => fleet.#members.every((member) => told(member, 'ready').length > 0), { timeoutMs: 20_000 })
    return fleet
  }

  begin(round: Round): void {
    for (const member of this.#members) member.send(round)
  }

  /** What each of the processes that are still there has to say of its callers. */
  async reports(key: string): Promise<Report[]> {
    const done = () => this.#members.map((member) => told(member, 'done', key)[0] as unknown as Report | undefined)
    await until(() => done().every((report) => report !== undefined), { label: `reports of ${key}`, timeoutMs: 25_000 })
    return done() as Report[]
  }

  async run(round: Round): Promise<Report[]> {
    this.begin(round)
    return this.reports(round.key)
  }

  /** The process that is loading the key. */
  async loader(key: string): Promise<Child> {
    const loader = () => this.#members.find((member) => told(member, 'loading', key).length > 0)
    return (await until(loader)) as Child
  }

  kill(member: Child): void {
    this.#members.splice(this.#members.indexOf(member), 1)
    member.kill('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.#members) member.kill('SIGKILL')
    await Promise.all(this.#members.map((member) => member.done))
  }
}

function told(member: Child, type: Told['type'], key?: string): Told[] {
  return (member.messages as readonly Told[]).filter(
    (one) => one.type === type && (key === undefined || one.key === key),
  )
}
