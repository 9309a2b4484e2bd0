import { withDeadline } from '../deadline.ts'
import type { Removal } from '../drivers/driver.ts'
import { CacheTroubleError } from '../errors.ts'
import type { Watch } from '../watch.ts'
import type { RedisClient } from './client.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import { type Identity, identify } from './identity.ts'
import type { ServerClock } from './server-clock.ts'
import { type Feed, REMOVE_TIMEOUT_MS, type Reply, type Run, type Topology } from './topology.ts'
import { announcementOf, Tracking, type TrackingOptions } from './tracking.ts'

export interface ServerOptions
  extends Omit<ConnectionOptions, 'prepare'>,
    Pick<TrackingOptions, 'prefix' | 'onUnsupported' | 'near'> {
  readonly serverClock: ServerClock
  /** It is another server than before, or has started anew: what it had acknowledged may be gone, or back. For which keys? */
  readonly onChanged: (isConcerned?: (key: string) => boolean) => void
  /** In a cluster a replica sends us to its master; elsewhere it would go on saying what is old. */
  readonly mayBeReplica?: boolean
  /** Throws where what this server tells of changes is not all that there is to tell. Default: it is no master. */
  readonly checkMore?: (client: RedisClient) => Promise<unknown>
  /** On every new connection, after everything else. */
  readonly prepareMore?: (client: RedisClient) => Promise<unknown>
}

const SCAN_COUNT = 1_000

/** One server that holds keys: its connection, and the one on which it tells of changes. */
export class Server implements Topology {
  readonly #options: ServerOptions
  readonly #connection: Connection
  readonly #tracking: Tracking
  #runId: string | undefined
  /** Of the connection: with it the next one ends what is left of it on the server. */
  #clientId: string | undefined
  #wasReady = false

  constructor(options: ServerOptions) {
    this.#options = options
    this.#connection = new Connection({ ...options, prepare: (client) => this.#prepare(client) })
    this.#tracking = new Tracking(options, (runId) => this.#stillServes(runId))
  }

  away(): boolean {
    return this.#connection.away
  }

  get ready(): boolean {
    return this.#connection.ready
  }

  run<T>(_key: string, command: string, send: (client: RedisClient) => Promise<T>, timeoutMs?: number): Promise<T> {
    return this.#connection.run(command, send, timeoutMs)
  }

  read(keys: readonly string[]): Promise<readonly Reply[]> {
    if (keys.length === 1) return this.#readOne(keys[0] as string)
    return this.#connection
      .runNow('MGET', (client) => client.mgetBuffer(keys))
      .catch(async (error) => {
        // One key that may not be read fails the whole command: its neighbours are asked for on their own.
        if (!(error instanceof CacheTroubleError) || !error.local) throw error
        return (await Promise.all(keys.map((key) => this.#readOne(key)))).flat()
      })
  }

  #readOne(key: string): Promise<readonly Reply[]> {
    const reply = this.#connection.runNow('GET', (client) => client.getBuffer(key))
    return reply.then(
      (bytes) => [bytes],
      (error) => [error],
    )
  }

  unlink(keys: readonly string[]): Promise<number> {
    return this.#connection.run('UNLINK', (client) => client.unlink(keys), REMOVE_TIMEOUT_MS)
  }

  /**
   * A cursor means nothing to a server that has started anew, and a scan that went on would leave keys out: it is bound to
   * one connection, and to one run of the server behind it.
   *
   * The next keys are asked for before these are dealt with: a removal of those and the look at others take one round
   * trip. No more than that: others wait behind one step at the most.
   */
  async *scan(glob: string, looked?: (keys: number) => void): AsyncGenerator<readonly string[]> {
    const run = await this.#connection.pin()
    const runId = await runIdOf(run)
    const from = (cursor: string) => {
      const send = (client: RedisClient) => client.scan(cursor, 'MATCH', glob, 'COUNT', SCAN_COUNT)
      return run('SCAN', send, REMOVE_TIMEOUT_MS)
    }
    for (let step: ReturnType<typeof from> | undefined = from('0'); step; ) {
      const [cursor, keys]: [string, string[]] = await step
      step = cursor === '0' ? undefined : from(cursor)
      // It is waited for later, or never when nobody wants to know any more.
      step?.catch(() => {})
      looked?.(SCAN_COUNT)
      yield keys
    }
    if ((await runIdOf(run)) !== runId) {
      throw new CacheTroubleError('RESTARTED', 'the server started anew while its keys were looked through')
    }
  }

  watch(key: string): Watch {
    return this.#tracking.watch(key)
  }

  feedOf(): Feed {
    return this.#tracking.feed()
  }

  feeds(): readonly Feed[] {
    return this.#tracking.epoch === 0 ? [] : [this.#tracking]
  }

  announce(removal: Removal): void {
    const channel = this.#tracking.announcesOn
    if (channel === undefined) return
    const publish = (client: RedisClient) => client.call('PUBLISH', channel, announcementOf(removal))
    this.#connection.run('PUBLISH', publish).catch(() => {})
  }

  async recheck(): Promise<void> {
    await this.#connection.run('TIME', async (client) => {
      const [identity] = await Promise.all([identify(client), this.#options.serverClock.measure(client)])
      this.#refuseReplica(identity)
    })
  }

  reset(): void {
    this.#connection.reset()
  }

  async close(): Promise<void> {
    await this.#tracking.close()
    await this.#connection.close()
  }

  async #prepare(client: RedisClient): Promise<void> {
    const { serverClock, commandTimeoutMs, clock, onChanged, prepareMore } = this.#options
    // TIME is answered even while Redis loads its data; PING is not, and nothing else would be.
    const probes = Promise.all([
      serverClock.measure(client),
      identify(client),
      clientIdOf(client),
      client.ping().catch(mayRead),
    ])
    // A server that is back has to answer in the time that commands have. The first time, it may be ourselves who are
    // slow, being just about to start.
    const [, identity, clientId] = this.#wasReady
      ? await withDeadline(probes, commandTimeoutMs, 'a probe', clock)
      : await probes
    this.#refuseReplica(identity)
    const { runId } = identity
    // What is late on the connection before this one, a SET above all, must not be carried out any more: it would bring back
    // what has been removed since. Another server may have given the same number to somebody else.
    if (this.#clientId !== undefined && runId !== undefined && runId === this.#runId) {
      await client.call('CLIENT', 'KILL', 'ID', this.#clientId).catch(() => {})
    }
    this.#clientId = runId === undefined ? undefined : clientId
    if (runId !== this.#runId && this.#runId !== undefined) onChanged()
    this.#runId = runId ?? this.#runId
    await prepareMore?.(client)
    this.#wasReady = true
  }

  /** An address may have got a new owner after the one connection was opened and before the other was. */
  async #stillServes(runId: string | undefined): Promise<boolean> {
    const { checkMore } = this.#options
    const isMaster = async (client: RedisClient) => this.#refuseReplica(await identify(client))
    await this.#connection.run('INFO', checkMore ?? isMaster)
    return runId === undefined || this.#runId === undefined || runId === this.#runId
  }

  #refuseReplica({ replica }: Identity): void {
    if (!replica || this.#options.mayBeReplica) return
    throw new CacheTroubleError('READONLY', 'this is a replica, and what it says may be old: name its master')
  }
}

/** Where writes are refused for want of disk, PING is too, and what is there can still be read. */
function mayRead(error: unknown): void {
  if (!String(error).includes('MISCONF')) throw error
}

/** `undefined` where the server, or a mock, does not tell. */
async function clientIdOf(client: RedisClient): Promise<string | undefined> {
  try {
    return String(await client.call('CLIENT', 'ID'))
  } catch {
    return undefined
  }
}

async function runIdOf(run: Run): Promise<string | undefined> {
  return (await run('INFO', identify, REMOVE_TIMEOUT_MS)).runId
}
