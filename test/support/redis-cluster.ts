import { allOrNone, disposeAll } from './all-or-none.ts'
import type { ServerCertificate } from './certificates.ts'
import { RedisServer } from './redis-server.ts'
import { SlotMigration } from './slot-migration.ts'
import { until } from './until.ts'

export interface RedisClusterOptions {
  /** Default 3: with fewer, no majority is left to fail over when one dies. */
  masters?: number
  /** Default 0. */
  replicasPerMaster?: number
  /** For every node; they win over the defaults. */
  args?: readonly string[]
  password?: string
  /** Speak TLS, also among themselves: so the certificate has to be one for clients too. */
  tls?: ServerCertificate
  /** After which a silent node is taken for dead. Default 1500: with less, a busy machine fails over unasked. */
  nodeTimeoutMs?: number
}

/** Slots `from` to `to`, and the ports of those that have them. */
interface SlotRange {
  from: number
  to: number
  master: number
  replicas: number[]
}

type AddressReply = [host: string, port: number]
type SlotsReply = [from: number, to: number, master: AddressReply, ...replicas: AddressReply[]][]

const host = '127.0.0.1'
const slotCount = 16_384
const changeLimitMs = 15_000

/**
 * A Redis Cluster of the test's own. A node makes its bus port from its own by adding 10000, which `likelyPort` sees
 * to; it is a `RedisServer` like any other, to be paused, killed and brought back.
 *
 * ```ts
 * await using cluster = await RedisCluster.start({ replicasPerMaster: 1 })
 * const dead = await cluster.killMaster('key')
 * const successor = await cluster.waitForFailover('key', dead)
 * ```
 */
export class RedisCluster implements AsyncDisposable {
  private constructor(
    /** The masters first, then their replicas, as they were at the start. */
    readonly nodes: readonly RedisServer[],
    private readonly options: RedisClusterOptions,
  ) {}

  /** Resolves when every node serves and every replica is in step. That takes 2 s, which is fixed in redis-server. */
  static async start(options: RedisClusterOptions = {}): Promise<RedisCluster> {
    const { masters = 3, replicasPerMaster = 0, password, tls } = options
    const args = nodeArgs(options)
    const count = masters * (1 + replicasPerMaster)
    const nodes = await allOrNone(Array.from({ length: count }, () => RedisServer.start({ args, password, tls })))
    const cluster = new RedisCluster(nodes, options)
    try {
      await cluster.form(masters)
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Names all nodes that the cluster began with, also those that are dead now. */
  get url(): string {
    const { password, tls } = this.options
    const credentials = password === undefined ? '' : `:${encodeURIComponent(password)}@`
    const hosts = this.nodes.map((node) => `${host}:${node.port}`).join(',')
    return `${tls ? 'rediss' : 'redis'}+cluster://${credentials}${hosts}`
  }

  /** Those that have slots, in the order of their first ones. One that died is among them until it is replaced. */
  async masters(): Promise<RedisServer[]> {
    const ranges = await this.ranges()
    return [...new Set(ranges.map((range) => this.nodeAt(range.master)))]
  }

  async keySlot(key: string): Promise<number> {
    return Number(await this.ask('CLUSTER', 'KEYSLOT', key))
  }

  async masterOf(key: string): Promise<RedisServer> {
    return this.nodeAt((await this.rangeOf(await this.keySlot(key))).master)
  }

  /** Only those that are not taken for dead. */
  async replicasOf(key: string): Promise<RedisServer[]> {
    const { replicas } = await this.rangeOf(await this.keySlot(key))
    return replicas.map((port) => this.nodeAt(port))
  }

  /** Until it is finished, keys of the slot that are not at the old master (any more) are answered with ASK. */
  async beginMigration(slot: number, to: RedisServer): Promise<SlotMigration> {
    const from = this.nodeAt((await this.rangeOf(slot)).master)
    return SlotMigration.begin(this, slot, { from, to, password: this.options.password })
  }

  async migrateSlot(slot: number, to: RedisServer): Promise<void> {
    const migration = await this.beginMigration(slot, to)
    await migration.finish()
  }

  /** As a crash; resolves with the dead one. */
  async killMaster(key: string): Promise<RedisServer> {
    const master = await this.masterOf(key)
    await master.kill()
    return master
  }

  /** Resolves with the new master of the key when all nodes but `gone`, which may be dead or paused, know it. */
  async waitForFailover(key: string, gone: RedisServer): Promise<RedisServer> {
    const slot = await this.keySlot(key)
    const others = this.nodes.filter((node) => node.running && node !== gone)
    await until(
      async () => (await Promise.all(others.map(rangesSeenBy))).every((seen) => find(seen, slot).master !== gone.port),
      { label: `the failover of slot ${slot}`, timeoutMs: changeLimitMs },
    )
    await this.settled(gone)
    return this.masterOf(key)
  }

  /** As an operator would, with nothing lost: a replica of the key's master takes over. Resolves with it. */
  async failover(key: string): Promise<RedisServer> {
    const master = await this.masterOf(key)
    const [replica] = await this.replicasOf(key)
    if (!replica) throw new Error(`The master of ${key} has no replica`)
    await replica.command('CLUSTER', 'FAILOVER')
    await this.waitForFailover(key, master)
    await this.settled()
    return replica
  }

  /** Waits till all nodes that run, but for `except`, serve, see the same owners of slots, and are in step. */
  async settled(except?: RedisServer): Promise<void> {
    await until(() => this.isSettled(except), { label: 'the cluster to settle', timeoutMs: changeLimitMs, everyMs: 20 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await disposeAll(this.nodes)
  }

  private async form(masterCount: number): Promise<void> {
    const masters = this.nodes.slice(0, masterCount)
    // Else all begin with the same epoch, and sort that out among themselves for seconds.
    await Promise.all(this.nodes.map((node, i) => node.command('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)))
    await Promise.all(masters.map((node, i) => node.command('CLUSTER', 'ADDSLOTSRANGE', ...share(i, masterCount))))
    await this.introduceAll()
    for (const [i, replica] of this.nodes.slice(masterCount).entries()) {
      const master = masters[i % masterCount] as RedisServer
      await replica.command('CLUSTER', 'REPLICATE', String(await master.command('CLUSTER', 'MYID')))
    }
    const isWhole = async () => new Set((await this.ranges()).flatMap(portsOf)).size === this.nodes.length
    await until(isWhole, { label: 'every node to have its place', timeoutMs: changeLimitMs })
    await this.settled()
  }

  /** All to all: gossip would take its time. */
  private async introduceAll(): Promise<void> {
    const pairs = this.nodes.flatMap((a, i) => this.nodes.slice(i + 1).map((b) => [a, b] as const))
    await Promise.all(pairs.map(([a, b]) => a.command('CLUSTER', 'MEET', host, b.port)))
    const isKnownTo = async (node: RedisServer) => {
      const lines = String(await node.command('CLUSTER', 'NODES'))
        .trimEnd()
        .split('\n')
      return lines.length === this.nodes.length && !lines.some((line) => line.includes('handshake'))
    }
    await until(async () => (await Promise.all(this.nodes.map(isKnownTo))).every(Boolean), {
      label: 'the nodes to know each other',
      timeoutMs: changeLimitMs,
    })
  }

  private async isSettled(except?: RedisServer): Promise<boolean> {
    const nodes = this.nodes.filter((node) => node.running && node !== except)
    await Promise.all(nodes.map(assertServing))
    const views = await Promise.all(nodes.map(async (node) => JSON.stringify(await rangesSeenBy(node))))
    if (new Set(views).size > 1) throw new Error(`The nodes disagree:\n${views.join('\n')}`)
    return true
  }

  private async rangeOf(slot: number): Promise<SlotRange> {
    return find(await this.ranges(), slot)
  }

  private ranges(): Promise<SlotRange[]> {
    return Promise.any(this.nodes.map(rangesSeenBy))
  }

  /** Of whoever answers first: some may be dead or paused. */
  private ask(...command: [string, ...string[]]) {
    return Promise.any(this.nodes.map((node) => node.command(...command)))
  }

  private nodeAt(port: number): RedisServer {
    const node = this.nodes.find((each) => each.port === port)
    if (!node) throw new Error(`No node of this cluster is at port ${port}`)
    return node
  }
}

function nodeArgs({ password, tls, nodeTimeoutMs = 1_500, args = [] }: RedisClusterOptions): string[] {
  return [
    ...['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeoutMs)],
    ...['--cluster-announce-ip', host], // Else a node alone does not know its address.
    ...['--cluster-allow-replica-migration', 'no'], // Else a master whose last slot leaves becomes a replica.
    ...['--cluster-replica-validity-factor', '0'], // Else a replica that was away too long waits for an operator.
    // A node hides a replica that has replicated nothing yet, so that it takes a ping of the master to be seen.
    ...['--repl-ping-replica-period', '1', '--repl-diskless-sync-delay', '0'],
    ...(password === undefined ? [] : ['--masterauth', password]),
    ...(tls ? ['--tls-cluster', 'yes', '--tls-replication', 'yes'] : []),
    ...args,
  ]
}

function share(index: number, of: number): [number, number] {
  const edge = (i: number) => Math.floor((i * slotCount) / of)
  return [edge(index), edge(index + 1) - 1]
}

async function rangesSeenBy(node: RedisServer): Promise<SlotRange[]> {
  const reply = (await node.command('CLUSTER', 'SLOTS')) as SlotsReply
  const ranges = reply.map(([from, to, [, master], ...replicas]) => {
    return { from, to, master, replicas: replicas.map(([, port]) => port).sort() }
  })
  return ranges.sort((a, b) => a.from - b.from)
}

const portsOf = ({ master, replicas }: SlotRange): number[] => [master, ...replicas]

function find(ranges: SlotRange[], slot: number): SlotRange {
  const range = ranges.find(({ from, to }) => from <= slot && slot <= to)
  if (!range) throw new Error(`No node has slot ${slot}`)
  return range
}

async function assertServing(node: RedisServer): Promise<void> {
  const [cluster, replication] = await Promise.all([
    node.command('CLUSTER', 'INFO'),
    node.command('INFO', 'replication'),
  ])
  if (!String(cluster).includes('cluster_state:ok')) throw new Error(`Node ${node.port} is down:\n${cluster}`)
  if (String(replication).includes('master_link_status:down')) throw new Error(`Replica ${node.port} is out of step`)
}
