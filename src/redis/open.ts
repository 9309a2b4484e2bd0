import { type RedisDriverOptions, redisDriver } from '../drivers/redis.ts'
import type { StoreTier } from '../tier.ts'
import { coalesceReads } from './coalesce.ts'
import { Journal } from './journal.ts'
import { type Place, topologyOf } from './place.ts'
import type { ServerOptions } from './server.ts'
import { ServerClock } from './server-clock.ts'

type Passed = 'commandTimeoutMs' | 'connectTimeoutMs' | 'breaker' | 'clock' | 'scope' | 'onUnsupported' | 'onState'

export interface RedisOptions extends Pick<ServerOptions, Passed>, Pick<RedisDriverOptions, 'onReplayed'> {
  readonly place: Place
  /** Globs that match all that this cache owns. */
  readonly everything: readonly string[]
}

/** A Redis as the path of a call uses it. The module behind the one dynamic import of the core. */
export function openRedis(options: RedisOptions): StoreTier {
  const { place, everything, clock, onState } = options
  const serverClock = new ServerClock(clock)
  const journal = new Journal(everything, clock)
  const topology = topologyOf(place, {
    ...options,
    serverClock,
    onChanged(isConcerned) {
      journal.revive(isConcerned)
      driver.replay()
    },
    onState(state, error) {
      onState(state, error)
      if (state === 'ready') driver.replay()
    },
  })
  const driver = redisDriver({ ...options, topology, journal, serverClock })
  return { driver, read: coalesceReads((keys) => driver.readMany(keys)), flights: new Map(), renewing: new Set() }
}
