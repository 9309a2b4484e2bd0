import { allOrNone, disposeAll } from './all-or-none.ts'
import { RedisServer, type RedisServerOptions } from './redis-server.ts'
import { until } from './until.ts'

const host = '127.0.0.1'

/**
 * A master and its replica.
 *
 * ```ts
 * await using pair = await RedisPair.start()
 * await pair.promote()
 * ```
 */
export class RedisPair implements AsyncDisposable {
  private constructor(
    readonly master: RedisServer,
    /** Until it is promoted: then a master of its own, and the old one stays one too. */
    readonly replica: RedisServer,
  ) {}

  /** Resolves when the replica is in step. The options are those of both. */
  static async start(options: Omit<RedisServerOptions, 'port' | 'config'> = {}): Promise<RedisPair> {
    const [master, replica] = await startReplicated(1, options)
    return new RedisPair(master, replica as RedisServer)
  }

  /** Waits till the replica has all that was written to the master so far. */
  async caughtUp(): Promise<void> {
    const target = await offsetOf(this.master)
    await until(async () => (await offsetOf(this.replica)) >= target, { label: 'the replica to catch up' })
  }

  async promote(): Promise<void> {
    await this.replica.command('REPLICAOF', 'NO', 'ONE')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await disposeAll([this.master, this.replica])
  }
}

/** A master, and its replicas in step with it. */
export async function startReplicated(
  replicas: number,
  options: Omit<RedisServerOptions, 'port' | 'config'>,
): Promise<[RedisServer, ...RedisServer[]]> {
  const args = [...replicationArgs(options), ...(options.args ?? [])]
  const servers = await allOrNone(Array.from({ length: 1 + replicas }, () => RedisServer.start({ ...options, args })))
  const [master, ...rest] = servers as [RedisServer, ...RedisServer[]]
  try {
    await Promise.all(rest.map((server) => server.command('REPLICAOF', host, master.port)))
    await Promise.all(rest.map((server) => untilInStep(server, master)))
    return [master, ...rest]
  } catch (error) {
    await disposeAll(servers)
    throw error
  }
}

/** The master has the password of a replica too: it may become one. */
const replicationArgs = ({ password, tls }: RedisServerOptions): string[] => [
  // A replica that has replicated nothing yet counts for little: the first ping of the master makes it one.
  ...['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'],
  ...(password === undefined ? [] : ['--masterauth', password]),
  ...(tls ? ['--tls-replication', 'yes'] : []),
]

export async function untilInStep(replica: RedisServer, master: RedisServer): Promise<void> {
  const inStep = async () => {
    const [role, , port, state] = (await replica.command('ROLE')) as [string, string, number, string]
    return role === 'slave' && port === master.port && state === 'connected'
  }
  await until(inStep, { label: `the replica ${replica.port} to follow ${master.port}`, timeoutMs: 15_000 })
}

/** How far a server is in the stream of writes. */
async function offsetOf(server: RedisServer): Promise<number> {
  const role = (await server.command('ROLE')) as (string | number)[]
  return Number(role[0] === 'master' ? role[1] : role[4])
}
