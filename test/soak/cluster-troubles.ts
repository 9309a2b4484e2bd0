import type { Random } from '../history/random.ts'
import { sleep } from '../support/real-time.ts'
import type { RedisCluster } from '../support/redis-cluster.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { allKeys, groups } from './groups.ts'
import { hang, killClients, type Trouble } from './storm.ts'

/** So many slots move in a row. */
const SLOTS = 3

/** What happens to a cluster with replicas. Each trouble is over when all nodes agree who has what, and are in step. */
export function clusterTroubles(cluster: RedisCluster, random: Random): Trouble[] {
  const any = <T>(all: readonly T[]): T => all[Math.floor(random.between(0, all.length))] as T
  const aKey = () => `soak::${any(allKeys(any(groups)))}`
  const settling = (name: string, happen: () => Promise<unknown>): Trouble => ({
    name,
    async happen() {
      await happen()
      await cluster.settled()
    },
  })
  const onMasters = async (act: (master: RedisServer) => Promise<unknown>) => {
    for (const master of await cluster.masters()) await act(master)
  }
  return [
    settling('slots moved', async () => {
      for (let i = 0; i < SLOTS; i++) await moveSlot(cluster, aKey(), any, random)
    }),
    // Where it takes longer than the others wait, a replica takes over.
    settling('master hung', async () => hang(await cluster.masterOf(aKey()), random)),
    settling('master died', async () => {
      const key = aKey()
      const dead = await cluster.killMaster(key)
      await cluster.waitForFailover(key, dead)
      await dead.restart()
    }),
    settling('master restarted', async () => (await cluster.killMaster(aKey())).restart()),
    settling('replica took over', () => cluster.failover(aKey())),
    settling('clients killed', () => onMasters(killClients)),
    settling('flushed', () => onMasters((master) => master.command('FLUSHALL'))),
  ]
}

/** Slowly, so that calls meet it half-way. */
async function moveSlot(
  cluster: RedisCluster,
  key: string,
  any: <T>(all: readonly T[]) => T,
  random: Random,
): Promise<void> {
  const from = await cluster.masterOf(key)
  const to = any((await cluster.masters()).filter((master) => master !== from))
  const migration = await cluster.beginMigration(await cluster.keySlot(key), to)
  try {
    await sleep(random.between(0, 300))
    await migration.moveKeys()
    await sleep(random.between(0, 300))
    await migration.finish()
  } catch (error) {
    await migration.cancel()
    throw error
  }
}
