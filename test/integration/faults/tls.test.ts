import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RedisClientLike } from 'cachewell'
import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Certificates } from '../../support/certificates.ts'
import { runChild } from '../../support/child.ts'
import { describeRedis } from '../../support/redis-available.ts'
import { RedisCluster } from '../../support/redis-cluster.ts'
import { RedisSentinel } from '../../support/redis-sentinel.ts'
import type { RedisServer } from '../../support/redis-server.ts'
import { until } from '../../support/until.ts'
import { counting, isCached, openCache } from '../open-cache.ts'
import { describeFaults } from './describe-faults.ts'
import { certificatesOf } from './tls-faults.ts'

const PASSWORD = 'tls p@ss'

describeFaults('tls')

describeRedis('with an authority of its own', () => {
  let certificates: Certificates
  let folder: string
  let cluster: RedisCluster
  let sentinel: RedisSentinel
  beforeAll(async () => {
    certificates = await certificatesOf('ours')
    folder = await mkdtemp(join(tmpdir(), 'cachewell-tls-'))
    const tls = certificates.server
    ;[cluster, sentinel] = await Promise.all([
      RedisCluster.start({ masters: 1, tls, password: PASSWORD }),
      RedisSentinel.start({ tls, password: PASSWORD }),
    ])
  })
  afterAll(async () => {
    await Promise.all([cluster?.[Symbol.asyncDispose](), sentinel?.[Symbol.asyncDispose]()])
    await rm(folder, { recursive: true })
  })

  const child = async (url: string, ca: string) => {
    const file = join(folder, `${Math.random()}.pem`)
    await writeFile(file, ca)
    const env = { URL_OF_STORE: url, KEY: `run${Math.random()}`.replace('.', ''), NODE_EXTRA_CA_CERTS: file }
    const { messages } = await runChild('test/integration/children/script.ts', { env }).done
    return messages[0] as { readonly results: number[]; readonly unhandled: string[] }
  }

  test('a URL of a cluster is trusted by the environment’s authority', async () => {
    expect(cluster.url).toMatch(/^rediss\+cluster:/)
    // On a busy machine the first calls of a process may be over before it is connected.
    const isCached = async () => JSON.stringify((await child(cluster.url, certificates.ca)).results) === '[1,1,1]'
    await until(isCached, { label: 'a process to be served', timeoutMs: 15_000 })
  })

  test('a URL of a cluster is refused by another authority, and the calls go on', async () => {
    expect(await child(cluster.url, certificates.strangerCa)).toMatchObject({ results: [1, 2, 3], unhandled: [] })
  })

  test.each<[string, () => RedisClientLike]>([
    ['Cluster', () => new Cluster(placesOf(cluster.nodes), { redisOptions: ours(), lazyConnect: true })],
    ['client with sentinels', () => new Redis({ ...ours(), ...sentinelOptions(sentinel), lazyConnect: true })],
  ])('a %s that is passed in brings its authority along', async (_what, make) => {
    const { cache } = openCache({ client: make() })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    await until(() => isCached(call), { label: 'a hit', everyMs: 50 })
  })

  const ours = () => ({ password: PASSWORD, tls: { ca: certificates.ca } })
  const sentinelOptions = ({ sentinels, name }: RedisSentinel) => ({
    ...{ sentinels: placesOf(sentinels), name },
    ...{ sentinelTLS: { ca: certificates.ca }, enableTLSForSentinelMode: true },
  })
})

const placesOf = (servers: readonly RedisServer[]) => servers.map(({ port }) => ({ host: '127.0.0.1', port }))
