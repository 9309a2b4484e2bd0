import { keySlot } from '../../../src/redis/key-slot.ts'
import { RedisCluster, type RedisClusterOptions } from '../../support/redis-cluster.ts'
import type { RedisServer } from '../../support/redis-server.ts'
import { until } from '../../support/until.ts'
import type { Ground } from './fault.ts'
import { keyOf } from './play.ts'
import { MORE_IN_A_CLUSTER } from './rights.ts'
import { asUser, userArgs } from './server-ground.ts'

/** All entries that a fault concerns are in one slot. */
const SLOT = keySlot(keyOf('cached'))

const names = new Map<string, string>()
const wordIn = (slot: number, word: string): string => {
  for (let i = 0; ; i++) {
    const name = i === 0 ? word : `${word}-${i}`
    if (keySlot(keyOf(name)) === slot) return name
  }
}

/** A cluster that several faults share, one after the other. It is whole again when a fault is over. */
export class ClusterGround implements Ground {
  readonly slot = SLOT
  readonly elsewhere: string | undefined

  constructor(
    readonly cluster: RedisCluster,
    hasElsewhere = true,
  ) {
    // Half a circle further on: of another master, and far from what is moved about.
    this.elsewhere = hasElsewhere ? wordIn((SLOT + 8_192) % 16_384, 'elsewhere') : undefined
  }

  static start(options: RedisClusterOptions): Promise<RedisCluster> {
    return RedisCluster.start({ ...options, args: userArgs(MORE_IN_A_CLUSTER) })
  }

  get where() {
    return { url: asUser(this.cluster.url) }
  }

  nameOf(word: string): string {
    if (!names.has(word)) names.set(word, wordIn(SLOT, word))
    return names.get(word) as string
  }

  get key(): string {
    return keyOf(this.nameOf('cached'))
  }

  master(): Promise<RedisServer> {
    return this.cluster.masterOf(this.key)
  }

  async others(): Promise<RedisServer[]> {
    const master = await this.master()
    return (await this.cluster.masters()).filter((server) => server !== master)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.cluster.nodes) {
      if (node.running) node.resume()
      else await node.restart()
    }
    await this.cluster.settled()
    for (const node of await this.cluster.masters()) await node.command('FLUSHALL')
    // The next fault may make a master of a replica that would bring back what it has not yet been told to remove.
    const isEmpty = async (node: RedisServer) => (await node.command('DBSIZE')) === 0
    const areEmpty = async () => (await Promise.all(this.cluster.nodes.map(isEmpty))).every(Boolean)
    await until(areEmpty, { label: 'every node to be empty' })
  }
}
