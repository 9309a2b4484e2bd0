import { Cluster, Redis } from 'ioredis'
import MockRedis from 'ioredis-mock'
import { Redis as Redis6 } from 'ioredis6'
import { systemClock } from '../../src/clock.ts'
import { memoryDriver } from '../../src/drivers/memory.ts'
import type { RedisClientLike } from '../../src/redis/check-client.ts'
import type { RedisClient } from '../../src/redis/client.ts'
import { openRedis } from '../../src/redis/open.ts'
import type { Place } from '../../src/redis/place.ts'
import { StandIn } from '../../src/testing/stand-in.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import { RedisServer } from '../support/redis-server.ts'
import { type Backdoor, describeContract, type Opened } from './contract.ts'

/** What the backdoor needs of either ioredis or the mock. */
interface Keys {
  set(key: string, value: string | Buffer): Promise<unknown>
  hset(key: string, field: string, value: string): Promise<unknown>
  lpush(key: string, item: string): Promise<unknown>
  del(key: string): Promise<unknown>
  getBuffer(key: string): Promise<Buffer | null>
  pttl(key: string): Promise<number>
  disconnect(): void
}

const backdoorOf = (client: Keys): Backdoor => ({
  write: (key, bytes) => client.set(key, bytes),
  async writeHash(key) {
    await client.del(key)
    await client.hset(key, 'field', 'value')
  },
  async writeList(key) {
    await client.del(key)
    await client.lpush(key, 'item')
  },
  read: (key) => client.getBuffer(key),
  ttl: (key) => client.pttl(key),
})

const driverOptions = {
  commandTimeoutMs: 2_000,
  maxValueBytes: 1_000_000,
  connectTimeoutMs: 2_000,
  breaker: { failuresInARow: 3, failureRate: 0.5, probeAfterMs: 250, probeAtMostMs: 1_500 },
  clock: systemClock,
  onState: () => {},
  onReplayed: () => {},
  everything: ['contract:*'],
  prefix: 'contract',
  onUnsupported: () => {},
}

async function openMemory(): Promise<Opened> {
  return { driver: memoryDriver({ maxItems: 10_000, maxBytes: 1 << 26, isolation: 'clone' }, systemClock, 'contract') }
}
describeContract('memory', openMemory, { outside: false })

async function openStandIn(): Promise<Opened> {
  const { driver } = new StandIn(systemClock).open({
    ...driverOptions,
    place: { store: 'redis', url: 'redis://stand-in' },
  })
  return { driver }
}
describeContract('what stands in for Redis in tests', openStandIn, { outside: false })

async function openMock(): Promise<Opened> {
  const client = new MockRedis({ host: 'contract' })
  const { driver } = openRedis({
    ...driverOptions,
    place: { store: 'client', client: client as unknown as RedisClient },
  })
  return { driver, backdoor: backdoorOf(client as unknown as Keys), close: async () => client.disconnect() }
}
describeContract('ioredis-mock', openMock, { faithful: false })

describeRedis('on a real Redis', () => {
  async function open(place: (url: string) => { url: string } | { client: RedisClientLike }): Promise<Opened> {
    const server = await RedisServer.start()
    const backdoor = new Redis(server.url)
    const at = place(server.url)
    const { driver } =
      'url' in at
        ? openRedis({ ...driverOptions, place: { store: 'redis', url: at.url } })
        : openRedis({ ...driverOptions, place: { store: 'client', client: at.client as unknown as RedisClient } })
    return {
      driver,
      backdoor: backdoorOf(backdoor),
      async close() {
        backdoor.disconnect()
        if ('client' in at) (at.client as unknown as RedisClient).disconnect()
        await server[Symbol.asyncDispose]()
      },
    }
  }

  describeContract('a URL', () => open((url) => ({ url })))
  describeContract('a client of ioredis 5', () => open((url) => ({ client: new Redis(url, { lazyConnect: true }) })))
  describeContract('a client of ioredis 6', () => open((url) => ({ client: new Redis6(url, { lazyConnect: true }) })))

  async function openCluster(place: (hosts: { host: string; port: number }[]) => Place): Promise<Opened> {
    const cluster = await RedisCluster.start()
    const hosts = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
    const backdoor = new Cluster(hosts)
    const { driver } = openRedis({ ...driverOptions, place: place(hosts.slice(0, 1)) })
    return {
      driver,
      backdoor: backdoorOf(backdoor),
      async close() {
        backdoor.disconnect()
        await cluster[Symbol.asyncDispose]()
      },
    }
  }

  describeContract('a URL of a cluster', () => openCluster((hosts) => ({ store: 'cluster', hosts, credentials: {} })))
  describeContract('a Cluster', () =>
    openCluster((hosts) => {
      const client = new Cluster(hosts, { lazyConnect: true })
      return { store: 'client', client: client as unknown as RedisClient }
    }),
  )
})
