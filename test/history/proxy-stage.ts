import { allOrNone, disposeAll } from '../support/all-or-none.ts'
import { sleep } from '../support/real-time.ts'
import { RedisServer } from '../support/redis-server.ts'
import { blackHole, down, halfOpen, hold, latency, resetSocket, TcpProxy, up } from '../support/tcp-proxy.ts'
import type { Fleet } from './fleet.ts'
import type { Random } from './random.ts'
import type { Stage, Trouble, Troubles } from './stage.ts'

/** Breaks the network between a process and Redis; what it returns mends it. */
export type Fault = (proxy: TcpProxy, random: Random) => () => unknown

const FAULTS: Readonly<Record<string, Fault>> = {
  /** At times more than commands may take. */
  latencies: (proxy, random) => proxy.apply(latency(random.between(5, 120), random.between(5, 60))),
  resets(proxy, random) {
    proxy.reset()
    if (random.chance(0.5)) proxy.heal()
    return () => proxy.heal()
  },
  /** As after a crash of something in between: the client goes on writing, and hears nothing. */
  halfOpens(proxy) {
    for (const { server } of proxy.connections) server.destroy()
    return proxy.apply(halfOpen())
  },
  refusals(proxy, random) {
    proxy.refuse()
    if (random.chance(0.7)) for (const { client } of proxy.connections) resetSocket(client)
    return () => proxy.accept()
  },
  /** What is asked for is carried out, and nobody learns it; or it never arrives. */
  losses: (proxy, random) => proxy.apply((random.chance(0.7) ? down : up)(blackHole())),
  /** All of it arrives in the end, mostly after who sent it has given up. */
  stalls: (proxy, random) => proxy.apply(random.chance(0.5) ? hold() : down(hold())),
}
/** Until a process finds out that a connection is dead. */
const FOUND_OUT_MS = 500

/** One Redis, and a bad network between it and each process. The source of truth is reached past that. */
export function proxyStage(processes: number): Promise<Stage> {
  return stageBehindProxies(processes, (proxies, fleet, random) =>
    Object.entries(FAULTS).map(([name, fault]) => [name, troubleOf(fault, proxies, fleet, random)]),
  )
}

type TroublesBehindProxies = (
  proxies: readonly TcpProxy[],
  fleet: Fleet,
  random: Random,
  redis: RedisServer,
) => Troubles

export async function stageBehindProxies(processes: number, troubles: TroublesBehindProxies): Promise<Stage> {
  const redis = await RedisServer.start()
  const proxies = await allOrNone(Array.from({ length: processes }, () => TcpProxy.start(redis))).catch(
    async (error) => {
      await redis[Symbol.asyncDispose]()
      throw error
    },
  )
  return {
    urlFor: (by) => (proxies[by] as TcpProxy).via(redis.url),
    truthUrl: redis.url,
    restMs: [100, 1_000],
    troubles: (fleet, random) => troubles(proxies, fleet, random, redis),
    [Symbol.asyncDispose]: () => disposeAll([...proxies, redis]),
  }
}

/** For one process mostly, else for all at a time. */
function troubleOf(fault: Fault, proxies: readonly TcpProxy[], fleet: Fleet, random: Random): Trouble {
  return async () => {
    const one = random.chance(0.7) ? Math.floor(random.between(0, proxies.length)) : undefined
    const concerned = proxies.filter((_proxy, by) => one === undefined || by === one)
    const spoil = async () => {
      const mend = concerned.map((proxy) => fault(proxy, random))
      await sleep(random.between(200, 2_500))
      await Promise.all(mend.map((one) => one()))
      await sleep(FOUND_OUT_MS)
    }
    await fleet.without(spoil, one)
  }
}
