import { Redis } from 'ioredis'
import { sleep } from '../support/real-time.ts'
import type { RedisServer } from '../support/redis-server.ts'

/** What a stampede costs Redis. */
export interface Traffic {
  /** Commands that clients sent. */
  readonly commands: number
  /** Commands that scripts ran, inside of those. */
  readonly inScripts: number
  /** Invalidation messages that the server pushed, to all processes together. */
  readonly pushes: number
  /** The commands sent, by name. */
  readonly byName: Record<string, number>
}

/** Nothing heard for so long, and what goes on behind the callers' backs has ended too. */
const QUIET_MS = 300

/**
 * Counts by MONITOR, which tells what clients sent from what scripts ran, and by a client that tracks every key in
 * broadcasting mode. All such clients are sent one message for all that changed in one turn of the server's loop, so
 * what this one hears is what each process hears whose prefix covers the keys: here every one that tracks. Watching
 * costs the server time, so the rounds that are counted are not those that are timed.
 */
export class TrafficCounter {
  readonly #server: RedisServer
  readonly #clients: readonly Redis[]
  #lastHeard = 0
  #commands: string[] = []
  #inScripts = 0
  #messages = 0
  #database = ''

  private constructor(server: RedisServer, clients: readonly Redis[]) {
    this.#server = server
    this.#clients = clients
  }

  static async start(server: RedisServer): Promise<TrafficCounter> {
    const tracker = new Redis(server.url)
    const base = new Redis(server.url)
    // ioredis is not prepared for what comes with the answer to MONITOR, in one piece: nothing else may be under way.
    await Promise.all([tracker.ping(), base.ping()])
    const monitor = await base.monitor()
    const counter = new TrafficCounter(server, [tracker, base, monitor])
    monitor.on('monitor', (_time: string, args: string[], source: string, database: string) =>
      counter.#heard(args[0] ?? '', source, database),
    )
    tracker.on('messageBuffer', () => {
      counter.#messages++
      counter.#lastHeard = performance.now()
    })
    const id = await tracker.client('ID')
    await tracker.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', String(id), 'BCAST')
    await tracker.subscribe('__redis__:invalidate')
    return counter
  }

  async during(database: number, work: () => Promise<unknown>): Promise<Traffic> {
    this.#database = String(database)
    this.#commands = []
    this.#inScripts = this.#messages = 0
    await work()
    this.#lastHeard = performance.now()
    while (performance.now() - this.#lastHeard < QUIET_MS) await sleep(QUIET_MS / 10)
    const byName: Record<string, number> = {}
    for (const name of this.#commands) byName[name] = (byName[name] ?? 0) + 1
    return {
      commands: this.#commands.length,
      inScripts: this.#inScripts,
      pushes: this.#messages * (await this.#trackingIn(database)),
      byName,
    }
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.disconnect()
  }

  #heard(name: string, source: string, database: string): void {
    if (database !== this.#database) return
    this.#lastHeard = performance.now()
    if (source === 'lua') this.#inScripts++
    else this.#commands.push(name.toLowerCase())
  }

  /** How many connections are told of every change: flag `B` in the list of clients. */
  async #trackingIn(database: number): Promise<number> {
    const clients = String(await this.#server.command('CLIENT', 'LIST')).split('\n')
    return clients.filter((line) => line.includes(` db=${database} `) && / flags=\w*B/.test(line)).length
  }
}
