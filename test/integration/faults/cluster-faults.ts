import type { RedisCluster } from '../../support/redis-cluster.ts'
import type { RedisServer } from '../../support/redis-server.ts'
import type { SlotMigration } from '../../support/slot-migration.ts'
import { until } from '../../support/until.ts'
import { ClusterGround } from './cluster-ground.ts'
import type { Fault } from './fault.ts'

/** Started when the first fault asks for it. */
let withReplicas: Promise<RedisCluster> | undefined
let withoutReplicas: Promise<RedisCluster> | undefined

async function openWithReplicas(): Promise<ClusterGround> {
  withReplicas ??= ClusterGround.start({ replicasPerMaster: 1 })
  // It will be wanted, too, and has all the time until then.
  withoutReplicas ??= ClusterGround.start({})
  return new ClusterGround(await withReplicas)
}

async function openWithoutReplicas(): Promise<ClusterGround> {
  withoutReplicas ??= ClusterGround.start({})
  return new ClusterGround(await withoutReplicas, false)
}

const started = () => Promise.all([withReplicas, withoutReplicas].filter((cluster) => cluster !== undefined))

/** What servers have refused for want of rights. */
export async function deniedInClusters(): Promise<unknown[]> {
  const nodes = (await started()).flatMap((cluster) => cluster.nodes)
  return (await Promise.all(nodes.map((node) => node.command('ACL', 'LOG')))).flat()
}

export async function disposeOfClusters(): Promise<void> {
  await Promise.all((await started()).map((cluster) => cluster[Symbol.asyncDispose]()))
}

const migrations = new WeakMap<ClusterGround, SlotMigration>()
const gone = new WeakMap<ClusterGround, RedisServer>()

async function takenOver(ground: ClusterGround): Promise<void> {
  await ground.cluster.waitForFailover(ground.key, gone.get(ground) as RedisServer)
}

export const clusterFaults: readonly Fault<ClusterGround>[] = [
  {
    name: 'a slot in the middle of its migration (ASK)',
    open: openWithReplicas,
    async apply(ground) {
      const [to] = (await ground.others()) as [RedisServer]
      const migration = await ground.cluster.beginMigration(ground.slot, to)
      migrations.set(ground, migration)
      await migration.moveKeys(ground.key)
    },
    heal: async (ground) => migrations.get(ground)?.finish(),
    loss: 'none',
    costMs: 0,
  },
  {
    name: 'a slot that has moved (MOVED)',
    open: openWithReplicas,
    async apply(ground) {
      const [to] = (await ground.others()) as [RedisServer]
      await ground.cluster.migrateSlot(ground.slot, to)
    },
    heal: async () => {},
    loss: 'none',
    costMs: 0,
  },
  {
    name: 'a master hung; its replica takes over',
    open: openWithReplicas,
    async apply(ground) {
      const master = await ground.master()
      gone.set(ground, master)
      master.pause()
    },
    heal: takenOver,
    loss: 'found out',
    costMs: 300,
  },
  {
    name: 'a master killed; its replica takes over',
    open: openWithReplicas,
    apply: async (ground) => void gone.set(ground, await ground.cluster.killMaster(ground.key)),
    heal: takenOver,
    loss: 'told',
    costMs: 0,
  },
  {
    name: 'a master killed that has no replica (CLUSTERDOWN)',
    open: openWithoutReplicas,
    async apply(ground) {
      gone.set(ground, await ground.cluster.killMaster(ground.key))
      const [other] = (await ground.others()) as [RedisServer]
      const isDown = async () => String(await other.command('CLUSTER', 'INFO')).includes('cluster_state:fail')
      await until(isDown, { timeoutMs: 15_000 })
    },
    async heal(ground) {
      await gone.get(ground)?.restart()
      await ground.cluster.settled()
    },
    loss: 'told',
    lasting: /ECONNREFUSED/,
    costMs: 0,
  },
]
