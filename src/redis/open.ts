import { copyEndingDriver, type NearOptions, nearDriver } from '../drivers/near.ts'
import { placesBelow } from '../drivers/places.ts'
import { type RedisDriverOptions, redisDriver } from '../drivers/redis.ts'
import type { StoreTier } from '../tier.ts'
import { coalescedTier } from './coalesce.ts'
import { Journal } from './journal.ts'
import { NearCopies, type NearLimits } from './near-copies.ts'
import { type Place, topologyOf } from './place.ts'
import type { ServerOptions } from './server.ts'
import { ServerClock } from './server-clock.ts'

type Passed = 'commandTimeoutMs' | 'connectTimeoutMs' | 'breaker' | 'clock' | 'prefix' | 'onUnsupported' | 'onState'

export interface RedisOptions
  extends Pick<ServerOptions, Passed>,
    Pick<RedisDriverOptions, 'onReplayed' | 'maxValueBytes'> {
  readonly place: Place
  /** Globs that match all that this cache owns. */
  readonly everything: readonly string[]
  /** Left out: no copies are kept in this process. */
  readonly near?: { readonly limits: NearLimits } & Pick<NearOptions, 'isolation' | 'isInLoad'>
}

/** A Redis as the path of a call uses it. The module behind the one dynamic import of the core. */
export function openRedis(options: RedisOptions): StoreTier {
  const { place, everything, clock, onState, near } = options
  const serverClock = new ServerClock(clock)
  const journal = new Journal(everything, clock)
  const copies =
    near && new NearCopies(near.limits, placesBelow(options.prefix), () => topology.feeds(), clock, serverClock)
  const topology = topologyOf(place, {
    ...options,
    serverClock,
    near: copies,
    onChanged(isConcerned) {
      journal.revive(isConcerned)
      copies?.allChanged()
      redis.replay()
    },
    onState(state, error) {
      onState(state, error)
      if (state === 'ready') redis.replay()
    },
  })
  const redis = redisDriver({ ...options, topology, journal, serverClock, keepsCopies: near !== undefined })
  if (!near || !copies) return coalescedTier(redis)
  const uncopied = copyEndingDriver(redis, { copies, topology })
  const copied = nearDriver(uncopied, { ...near, copies, topology, journal })
  const tier = coalescedTier(copied, copies)
  // The loads of one key are known to all who ask for it, with copies or without: else one that calls its own key, as
  // those others do, would wait for itself. So what a load has found is unpacked alike, too.
  const { flights, renewing } = tier
  return { ...tier, uncopied: { ...coalescedTier({ ...uncopied, packing: copied.packing }), flights, renewing } }
}
