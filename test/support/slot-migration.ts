import type { RedisServer } from './redis-server.ts'

interface Ends {
  from: RedisServer
  to: RedisServer
  password?: string
}

interface Settling {
  masters(): Promise<RedisServer[]>
  settled(): Promise<void>
}

const keysAtOnce = 100
const moveLimitMs = 5_000

/** A slot on its way from one master to another, that can be stopped half-way. To be had from a `RedisCluster`. */
export class SlotMigration {
  private constructor(
    private readonly cluster: Settling,
    readonly slot: number,
    private readonly ends: Ends,
  ) {}

  static async begin(cluster: Settling, slot: number, ends: Ends): Promise<SlotMigration> {
    const { from, to } = ends
    const [fromId, toId] = await Promise.all([idOf(from), idOf(to)])
    // The new master first: else a client may be sent to one that knows of nothing.
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId)
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId)
    return new SlotMigration(cluster, slot, ends)
  }

  get from(): RedisServer {
    return this.ends.from
  }

  get to(): RedisServer {
    return this.ends.to
  }

  /** Only these, or, without names, all that the old master has. With some moved, a command over all is TRYAGAIN. */
  async moveKeys(...names: string[]): Promise<void> {
    if (names.length > 0) return this.move(names)
    for (let keys = await this.keysLeft(); keys.length > 0; keys = await this.keysLeft()) await this.move(keys)
  }

  /** Moves what is left, hands over the slot, and waits till every node knows. */
  async finish(): Promise<void> {
    await this.moveKeys()
    const { from, to, slot } = this
    const toId = await idOf(to)
    const others = (await this.cluster.masters()).filter((node) => node.running && node !== from && node !== to)
    // The new master before the old: between the two, the slot would be nobody's. The rest would hear of it anyway.
    for (const node of [to, from, ...others]) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
    await this.cluster.settled()
  }

  /** The slot stays where it is; keys that were moved stay where they were moved to, out of reach. */
  async cancel(): Promise<void> {
    for (const node of [this.from, this.to]) await node.command('CLUSTER', 'SETSLOT', this.slot, 'STABLE')
  }

  private async keysLeft(): Promise<string[]> {
    return (await this.from.command('CLUSTER', 'GETKEYSINSLOT', this.slot, keysAtOnce)) as string[]
  }

  private async move(keys: string[]): Promise<void> {
    const { from, to, password } = this.ends
    const auth = password === undefined ? [] : ['AUTH', password]
    await from.command('MIGRATE', '127.0.0.1', to.port, '', 0, moveLimitMs, ...auth, 'KEYS', ...keys)
  }
}

const idOf = async (node: RedisServer): Promise<string> => String(await node.command('CLUSTER', 'MYID'))
