import type { InvalidationMode, Removal, Sweep } from '../drivers/driver.ts'
import { newId } from '../entry.ts'
import { newStamp, stampTtl } from '../stamps.ts'
import type { RedisClient } from './client.ts'
import { runScript } from './scripts.ts'
import { REMOVE_TIMEOUT_MS, type Topology } from './topology.ts'

/** A scan may bring more keys than it was asked for: no command names more of them than this. */
const UNLINK_AT_ONCE = 2_000
/** To expire a value takes a script of its own. */
const EXPIRE_AT_ONCE = 100

/** Carries out a removal; the number that was there, 0 for a stamp. */
export async function carryOut(topology: Topology, removal: Removal, sweep?: Sweep): Promise<number> {
  const { mode } = removal
  if ('key' in removal) return removeKeys(topology, [removal.key], mode)
  if ('stamp' in removal) {
    await restamp(topology, removal.stamp, mode)
    return 0
  }
  let removed = 0
  for await (const keys of topology.scan(removal.glob, (count) => sweep?.looked(count))) {
    if (sweep?.stopped) break
    const count = await removeKeys(topology, keys, mode)
    removed += count
    sweep?.found(keys.length, count)
  }
  return removed
}

/** The number that was there. */
export function removeKeys(topology: Topology, keys: readonly string[], mode?: InvalidationMode): Promise<number> {
  if (mode !== 'expire') return sumOfBatches(keys, UNLINK_AT_ONCE, (batch) => topology.unlink(batch))
  const expire = (key: string) => {
    const send = (client: RedisClient) => runScript<number>(client, 'cachewellExpire', key, newId())
    return topology.run(key, 'expire', send, REMOVE_TIMEOUT_MS)
  }
  return sumOfBatches(keys, EXPIRE_AT_ONCE, async (batch) => {
    const counts = await Promise.all(batch.map(expire))
    return counts.reduce((sum, count) => sum + count, 0)
  })
}

/** One batch after the other, so that neither the server nor this process is held up for long. */
export async function sumOfBatches(
  keys: readonly string[],
  atOnce: number,
  work: (batch: readonly string[]) => Promise<number>,
): Promise<number> {
  let sum = 0
  for (let i = 0; i < keys.length; i += atOnce) {
    sum += await work(keys.length <= atOnce ? keys : keys.slice(i, i + atOnce))
  }
  return sum
}

export async function restamp(topology: Topology, key: string, mode: InvalidationMode = 'remove'): Promise<void> {
  const send = (client: RedisClient) => runScript(client, 'cachewellRestamp', key, newStamp(0).id, stampTtl(0), mode)
  await topology.run(key, 'restamp', send, REMOVE_TIMEOUT_MS)
}
