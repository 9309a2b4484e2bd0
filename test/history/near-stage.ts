import { sleep } from '../support/real-time.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { blackHole, down, isData, isTracking, latency, of, type TcpProxy } from '../support/tcp-proxy.ts'
import type { Fleet } from './fleet.ts'
import { type Fault, stageBehindProxies } from './proxy-stage.ts'
import type { Random } from './random.ts'
import type { Stage } from './stage.ts'

/** How old near copies may be: not for long, so that the bound is met often. */
export const NEAR_MS = 300

/** What goes wrong with one of the two connections of a process while the other is well. */
const FAULTS: Readonly<Record<string, Fault>> = {
  /** News of a change are there before the value that was read before it. */
  overtakings: (proxy, random) => proxy.apply(down(of(isData, latency(random.between(20, 120), 40)))),
  /** They come late, and so do the replies by which it is known that all news have come. */
  delays: (proxy, random) => proxy.apply(down(of(isTracking, latency(random.between(40, 220), 40)))),
  /** Both: which comes first is a matter of chance. */
  jitters: (proxy) => proxy.apply(down(latency(0, 180))),
  /** Nothing comes, and nobody says that nothing will. */
  silences: (proxy) => proxy.apply(of(isTracking, blackHole())),
  resets(proxy, random) {
    proxy.reset(random.chance(0.7) ? isTracking : isData)
    if (random.chance(0.5)) proxy.heal()
    return () => proxy.heal()
  },
}

/** One Redis behind a proxy for each process; all but the last of them keep near copies. Without trouble, no proxies. */
export async function nearStage(processes: number, trouble: boolean): Promise<Stage> {
  const stage = await stageBehindProxies(processes, (proxies, fleet, random, redis) => [
    ...Object.entries(FAULTS).map(([name, fault]) => [name, () => spoil(fault, proxies, fleet, random)] as const),
    ['kills of connections', () => killTracking(redis, random)],
    ['freezes', () => fleet.stall(NEAR_MS + 100, 4 * NEAR_MS)],
  ])
  const way = trouble ? {} : { urlFor: () => stage.truthUrl }
  return { ...stage, ...way, restMs: [100, 500], nearMsOf: (by) => (by < processes - 1 ? NEAR_MS : undefined) }
}

async function spoil(fault: Fault, proxies: readonly TcpProxy[], fleet: Fleet, random: Random): Promise<void> {
  await fleet.without(async () => {
    const mend = proxies.map((proxy) => fault(proxy, random))
    await sleep(random.between(600, 1_500))
    await Promise.all(mend.map((one) => one()))
  })
}

/** Again and again: what is missed in between is not told later. */
async function killTracking(redis: RedisServer, random: Random): Promise<void> {
  for (let times = random.between(2, 6); times > 0; times--) {
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await sleep(random.between(20, 200))
  }
}
