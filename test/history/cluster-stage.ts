import { disposeAll } from '../support/all-or-none.ts'
import { sleep } from '../support/real-time.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import type { Fleet } from './fleet.ts'
import { allKeys, groups, PREFIX } from './groups.ts'
import { NEAR_MS } from './near-stage.ts'
import type { Random } from './random.ts'
import type { Stage } from './stage.ts'

/** With less, a busy machine fails over unasked, and then what was acknowledged last may be lost. */
const NODE_TIMEOUT_MS = 2_500
const KEYS = groups.flatMap((group) => [...allKeys(group).map((key) => `${PREFIX}::${key}`), `${PREFIX}#${group.name}`])

/** Three masters with a replica each: they are paused and replaced, and slots move. The source of truth is elsewhere. */
export async function clusterStage(): Promise<Stage> {
  const truth = await RedisServer.start()
  const cluster = await RedisCluster.start({ replicasPerMaster: 1, nodeTimeoutMs: NODE_TIMEOUT_MS }).catch((error) =>
    truth[Symbol.asyncDispose]().then(() => Promise.reject(error)),
  )
  return {
    urlFor: () => cluster.url,
    truthUrl: truth.url,
    restMs: [300, 1_500],
    troubles(fleet, random) {
      const troubles = new ClusterTroubles(cluster, fleet, random)
      return [
        ['migrations', () => troubles.migrate()],
        ['failovers', () => troubles.failOver()],
        ['pauses', () => troubles.pause()],
      ]
    },
    [Symbol.asyncDispose]: () => disposeAll([cluster, truth]),
  }
}

/** Half of the processes keep near copies: each hears of changes from every master, on a connection of its own. */
export async function nearClusterStage(): Promise<Stage> {
  return { ...(await clusterStage()), nearMsOf: (by) => (by % 2 === 0 ? NEAR_MS : undefined) }
}

class ClusterTroubles {
  readonly #cluster: RedisCluster
  readonly #fleet: Fleet
  readonly #random: Random

  constructor(cluster: RedisCluster, fleet: Fleet, random: Random) {
    this.#cluster = cluster
    this.#fleet = fleet
    this.#random = random
  }

  /** Not for so long that its replica would take over. */
  async pause(): Promise<void> {
    const node = await this.#cluster.masterOf(this.#anyKey())
    await this.#fleet.without(async () => {
      node.pause()
      await sleep(this.#random.between(200, 700))
      node.resume()
    })
  }

  /**
   * Replication is asynchronous: a replica that takes over may not have got the last removals, and brings back what they
   * have removed until they are carried out once more. That is a known limit. To see all else, nothing is removed until
   * the replica has got all that was.
   */
  async failOver(): Promise<void> {
    const key = this.#anyKey()
    const master = await this.#cluster.masterOf(key)
    const [replica] = await this.#cluster.replicasOf(key)
    await this.#fleet.whileHushed(async () => {
      await inStep(master, replica as RedisServer)
      await master.kill()
    })
    await this.#fleet.without(async () => void (await this.#cluster.waitForFailover(key, master)))
    await this.#rest()
    await master.restart()
    await this.#cluster.settled()
  }

  async migrate(): Promise<void> {
    const key = this.#anyKey()
    const slot = await this.#cluster.keySlot(key)
    const home = await this.#cluster.masterOf(key)
    const others = (await this.#cluster.masters()).filter((node) => node !== home)
    const away = others[Math.floor(this.#random.between(0, others.length))] as RedisServer
    for (const to of [away, home]) {
      const migration = await this.#cluster.beginMigration(slot, to)
      await this.#rest()
      await migration.finish()
      await this.#rest()
    }
  }

  #anyKey(): string {
    return KEYS[Math.floor(this.#random.between(0, KEYS.length))] as string
  }

  #rest(): Promise<void> {
    return sleep(this.#random.between(50, 700))
  }
}

/** Resolves when the replica has got all that its master has acknowledged so far. */
async function inStep(master: RedisServer, replica: RedisServer): Promise<void> {
  const sent = await offsetOf(master, 'master_repl_offset')
  await until(async () => (await offsetOf(replica, 'slave_repl_offset')) >= sent, { label: 'the replica' })
}

async function offsetOf(server: RedisServer, name: string): Promise<number> {
  const info = String(await server.command('INFO', 'replication'))
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])
}
