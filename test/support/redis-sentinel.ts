import { allOrNone, disposeAll } from './all-or-none.ts'
import type { ServerCertificate } from './certificates.ts'
import { startReplicated } from './redis-pair.ts'
import { RedisServer } from './redis-server.ts'
import type { Reply } from './resp.ts'
import { until } from './until.ts'

export interface RedisSentinelOptions {
  /** Default 1. */
  replicas?: number
  /** Default 1. */
  sentinels?: number
  /** How many sentinels have to take the master for dead. Default: the majority. */
  quorum?: number
  /** For the master and the replicas; they win over the defaults. */
  args?: readonly string[]
  /** Of the master and the replicas. */
  password?: string
  /** Of the sentinels. */
  sentinelPassword?: string
  /** Speak TLS, all of them. */
  tls?: ServerCertificate
  /** After which a silent master is taken for dead. Default 500. */
  downAfterMs?: number
  /** Within which a failover has to be done, else it is tried anew after twice that. Default 5000. */
  failoverTimeoutMs?: number
}

const host = '127.0.0.1'
const changeLimitMs = 20_000

/**
 * Sentinels look at things every 1 to 10 s, and no configuration says otherwise: Redis 7 has a command for tests. How
 * often is a matter of balance, for they measure other things by these periods. They reconnect once in a PING period:
 * longer than `downAfterMs`, it is a false alarm. In a failover they ask a replica for INFO each second, whatever they
 * are told: if that is more than 5 PING or 3 INFO periods, they do not trust what they know of it, and if it is more
 * than 4 PUBLISH periods, the other sentinels take the promoted one for a stray, and undo it.
 */
const haste = [
  ...['PING-PERIOD', '300', 'INFO-PERIOD', '500', 'PUBLISH-PERIOD', '500', 'ASK-PERIOD', '100'],
  ...['TILT-PERIOD', '1000'], // One that was itself held up for 2 s does nothing for so long: else for 30 s.
]

/**
 * A master with replicas, and sentinels that watch over them. All are `RedisServer`s, to be paused, killed and brought
 * back; a sentinel keeps what it knows over that.
 *
 * ```ts
 * await using sentinel = await RedisSentinel.start()
 * const dead = await sentinel.killMaster()
 * const successor = await sentinel.waitForNewMaster(dead)
 * ```
 */
export class RedisSentinel implements AsyncDisposable {
  readonly name = 'mymaster'

  private constructor(
    /** The first master and then its replicas, as they were at the start. */
    readonly servers: readonly RedisServer[],
    readonly sentinels: readonly RedisServer[],
    private readonly options: RedisSentinelOptions,
  ) {}

  /** Resolves when every sentinel knows all replicas and all other sentinels. */
  static async start(options: RedisSentinelOptions = {}): Promise<RedisSentinel> {
    const { replicas = 1, sentinels: count = 1, password, tls, args } = options
    const servers = await startReplicated(replicas, { password, tls, args })
    let sentinels: RedisServer[] = []
    try {
      sentinels = await allOrNone(Array.from({ length: count }, () => startSentinel(servers[0], options)))
      const group = new RedisSentinel(servers, sentinels, options)
      await group.settled()
      return group
    } catch (error) {
      await disposeAll([...sentinels, ...servers])
      throw error
    }
  }

  /** Of the sentinels; the password in it is the one of the master. */
  get url(): string {
    const { password, tls } = this.options
    const credentials = password === undefined ? '' : `:${encodeURIComponent(password)}@`
    const hosts = this.sentinels.map((sentinel) => `${host}:${sentinel.port}`).join(',')
    return `${tls ? 'rediss' : 'redis'}+sentinel://${credentials}${hosts}/${this.name}`
  }

  /** Whom the sentinels name. A dead one is named until it is replaced. */
  async master(): Promise<RedisServer> {
    return this.serverAt(await Promise.any(this.sentinels.map((sentinel) => this.masterSeenBy(sentinel))))
  }

  async replicas(): Promise<RedisServer[]> {
    const master = await this.master()
    return this.servers.filter((server) => server !== master)
  }

  /** As an operator would. Resolves with the new master; the old one is one still, and becomes a replica in 2 s. */
  async failover(): Promise<RedisServer> {
    await this.settled() // Else a sentinel that has not seen the replica as one yet would undo its promotion.
    const old = await this.master()
    const [asked] = this.sentinels.filter((sentinel) => sentinel.running)
    await asked?.command('SENTINEL', 'FAILOVER', this.name)
    return this.waitForNewMaster(old)
  }

  /** As a crash; resolves with the dead one. */
  async killMaster(): Promise<RedisServer> {
    const master = await this.master()
    await master.kill()
    return master
  }

  /** Resolves with the successor as soon as all sentinels that run name it. */
  async waitForNewMaster(old: RedisServer): Promise<RedisServer> {
    const running = this.sentinels.filter((sentinel) => sentinel.running)
    const areAgreed = async () => {
      const [port, ...others] = await Promise.all(running.map((sentinel) => this.masterSeenBy(sentinel)))
      return port !== old.port && others.every((other) => other === port)
    }
    await until(areAgreed, { label: 'a new master', timeoutMs: changeLimitMs })
    return this.master()
  }

  /**
   * Waits till every server that runs, but for `except`, is the master or a replica in step with it, and is known for
   * that to every sentinel that runs. One that died as a master and was brought back becomes a replica.
   */
  async settled(except?: RedisServer): Promise<void> {
    const sentinels = this.sentinels.filter((sentinel) => sentinel.running)
    await Promise.all(sentinels.map(hasten)) // One that was brought back has forgotten that.
    const areSettled = () => Promise.all(sentinels.map((sentinel) => this.assertSettled(sentinel, except)))
    await until(areSettled, { label: 'the sentinels to settle', timeoutMs: changeLimitMs, everyMs: 20 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await disposeAll(this.sentinels) // First: they would still bring about a failover.
    await disposeAll(this.servers)
  }

  private async assertSettled(sentinel: RedisServer, except?: RedisServer): Promise<void> {
    const master = fields(await sentinel.command('SENTINEL', 'MASTER', this.name))
    const replicas = (await sentinel.command('SENTINEL', 'REPLICAS', this.name)) as Reply[]
    const inStep = replicas.map(fields).filter((replica) => isInStep(replica, master.port))
    const known = [master, ...inStep].map((server) => server.port)
    const missing = this.servers.filter(
      (server) => server.running && server !== except && !known.includes(String(server.port)),
    )
    const strangers = this.sentinels.length - 1 - Number(master['num-other-sentinels'])
    if (master.flags === 'master' && missing.length === 0 && strangers === 0) return
    const ports = missing.map((server) => server.port)
    throw new Error(`Sentinel ${sentinel.port}: ${master.flags}, without ${ports}, and ${strangers} other sentinels`)
  }

  private async masterSeenBy(sentinel: RedisServer): Promise<number> {
    const address = (await sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.name)) as [string, string]
    return Number(address[1])
  }

  private serverAt(port: number): RedisServer {
    const server = this.servers.find((each) => each.port === port)
    if (!server) throw new Error(`No server of this group is at port ${port}`)
    return server
  }
}

function startSentinel(master: RedisServer, options: RedisSentinelOptions): Promise<RedisServer> {
  const { sentinelPassword: password, tls } = options
  const args = ['--sentinel', ...(tls ? ['--tls-replication', 'yes'] : [])]
  return RedisServer.start({ config: sentinelConfig(master, options), args, password, tls })
}

function sentinelConfig(master: RedisServer, options: RedisSentinelOptions): string {
  const { sentinels = 1, quorum = Math.floor(sentinels / 2) + 1, password, sentinelPassword } = options
  const { downAfterMs = 500, failoverTimeoutMs = 5_000 } = options
  const lines = [
    `sentinel monitor mymaster ${host} ${master.port} ${quorum}`,
    `sentinel down-after-milliseconds mymaster ${downAfterMs}`,
    `sentinel failover-timeout mymaster ${failoverTimeoutMs}`,
    ...(password === undefined ? [] : [`sentinel auth-pass mymaster ${JSON.stringify(password)}`]),
    ...(sentinelPassword === undefined ? [] : [`sentinel sentinel-pass ${JSON.stringify(sentinelPassword)}`]),
  ]
  return `${lines.join('\n')}\n`
}

async function hasten(sentinel: RedisServer): Promise<void> {
  await sentinel.command('SENTINEL', 'DEBUG', ...haste).catch(() => {}) // Without it things only take longer.
}

const isInStep = (replica: Record<string, string>, masterPort?: string): boolean =>
  replica.flags === 'slave' &&
  replica['role-reported'] === 'slave' &&
  replica['master-port'] === masterPort &&
  replica['master-link-status'] === 'ok'

/** Of a reply that is a list of names and values in turn. */
function fields(reply: Reply): Record<string, string> {
  const items = reply as string[]
  return Object.fromEntries(items.flatMap((name, i) => (i % 2 === 0 ? [[name, items[i + 1] ?? '']] : [])))
}
