import { Cluster } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { abandoned } from './support/abandoned.ts'
import { makeCertificates } from './support/certificates.ts'
import { RawSession } from './support/raw-session.ts'
import { describeRedis } from './support/redis-available.ts'
import { RedisCluster } from './support/redis-cluster.ts'
import type { RedisServer } from './support/redis-server.ts'
import type { Reply } from './support/resp.ts'
import { until } from './support/until.ts'

describeRedis('RedisCluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await RedisCluster.start({ replicasPerMaster: 1 })
  })
  afterAll(() => cluster?.[Symbol.asyncDispose]())

  const at = ({ port }: RedisServer) => `127.0.0.1:${port}`

  async function otherThan(key: string): Promise<RedisServer> {
    const master = await cluster.masterOf(key)
    const other = (await cluster.masters()).find((each) => each !== master)
    if (!other) throw new Error('There is only one master')
    return other
  }

  /** So that a failover does not lose it. */
  async function setSafely(key: string, value: string): Promise<void> {
    using session = new RawSession(await cluster.masterOf(key))
    await session.command('SET', key, value)
    expect(await session.command('WAIT', 1, 5_000)).toBe(1)
  }

  test('has masters for all slots, and a replica for each', async () => {
    expect((await cluster.masters()).map(at)).toEqual(cluster.nodes.slice(0, 3).map(at))
    expect(await cluster.replicasOf('k')).toHaveLength(1)
    expect(cluster.url).toBe(`redis+cluster://${cluster.nodes.map(at).join()}`)
    for (const node of cluster.nodes) {
      expect(await node.command('CLUSTER', 'INFO')).toMatch(/cluster_state:ok\r\ncluster_slots_assigned:16384\r\n/)
    }
  })

  test('serves a key at its master, and sends on who asks another', async () => {
    const slot = await cluster.keySlot('k')
    const master = await cluster.masterOf('k')
    expect(slot).toBe(7629)
    expect(await master.command('SET', 'k', 'v')).toBe('OK')
    const answer = (await otherThan('k')).command('GET', 'k')
    await expect(answer).rejects.toThrow(`MOVED ${slot} ${at(master)}`)
  })

  test('is one that clients understand', async () => {
    const client = new Cluster(cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })))
    try {
      await Promise.all(Array.from({ length: 50 }, (_, i) => client.set(`key ${i}`, i)))
      expect(await client.get('key 7')).toBe('7')
      expect(client.nodes('master')).toHaveLength(3)
      expect(client.nodes('slave')).toHaveLength(3)
    } finally {
      client.disconnect()
    }
  })

  test('a slot that is half-way answers ASK and TRYAGAIN, and MOVED in the end', async () => {
    const [a, b] = ['{half}a', '{half}b']
    const slot = await cluster.keySlot('half')
    const [from, to] = [await cluster.masterOf(a), await otherThan(a)]
    await from.command('MSET', a, 1, b, 2)
    using session = new RawSession(to)
    const asking = (...command: [string, ...string[]]) =>
      Promise.all([session.command('ASKING'), session.command(...command)]).then(([, reply]) => reply)

    const migration = await cluster.beginMigration(slot, to)
    expect(migration).toMatchObject({ from, to, slot })
    expect(await from.command('MGET', a, b)).toEqual(['1', '2'])
    await expect(from.command('GET', '{half}none')).rejects.toThrow(`ASK ${slot} ${at(to)}`)

    await migration.moveKeys(a)
    await expect(from.command('GET', a)).rejects.toThrow(`ASK ${slot} ${at(to)}`)
    expect(await from.command('GET', b)).toBe('2')
    await expect(from.command('MGET', a, b)).rejects.toMatchObject({ code: 'TRYAGAIN' })
    await expect(to.command('GET', a)).rejects.toThrow(`MOVED ${slot} ${at(from)}`)
    expect(await asking('GET', a)).toBe('1')
    await expect(asking('MGET', a, b)).rejects.toMatchObject({ code: 'TRYAGAIN' })

    await migration.moveKeys()
    await expect(from.command('MGET', a, b)).rejects.toThrow(`ASK ${slot} ${at(to)}`)
    expect(await asking('MGET', a, b)).toEqual(['1', '2'])

    await migration.finish()
    expect(await cluster.masterOf(a)).toBe(to)
    expect(await to.command('MGET', a, b)).toEqual(['1', '2'])
    for (const node of cluster.nodes.filter((each) => each !== to)) {
      await expect(node.command('GET', a)).rejects.toThrow(`MOVED ${slot} ${at(to)}`)
    }
  })

  test('a migration can be called off', async () => {
    const [slot, from] = [await cluster.keySlot('stays'), await cluster.masterOf('stays')]
    const migration = await cluster.beginMigration(slot, await otherThan('stays'))
    await migration.cancel()
    expect(await from.command('GET', 'stays')).toBeNull()
    await cluster.settled()
    expect(await cluster.masterOf('stays')).toBe(from)
  })

  test('moves a slot with many keys', async () => {
    const names = Array.from({ length: 250 }, (_, i) => `{many}${i}`)
    const to = await otherThan('many')
    await (await cluster.masterOf('many')).command('MSET', ...(names.flatMap((name) => [name, 'v']) as [string]))
    await cluster.migrateSlot(await cluster.keySlot('many'), to)
    expect(await to.command('EXISTS', ...names)).toBe(250)
  })

  test('an operator can have a replica take over', async () => {
    const [master, [replica]] = [await cluster.masterOf('k'), await cluster.replicasOf('k')]
    await setSafely('k', 'kept')
    expect(await cluster.failover('k')).toBe(replica)
    expect(await cluster.masterOf('k')).toBe(replica)
    expect(await replica?.command('GET', 'k')).toBe('kept')
    expect((await cluster.replicasOf('k')).map(at)).toEqual([at(master)])
  })

  test('a replica takes over from a dead master, which becomes its replica when it is back', async () => {
    await setSafely('k', 'survives')
    const dead = await cluster.killMaster('k')
    expect(dead.running).toBe(false)
    const successor = await cluster.waitForFailover('k', dead)
    expect(successor).not.toBe(dead)
    expect(await cluster.masterOf('k')).toBe(successor)
    expect(await cluster.replicasOf('k')).toEqual([])
    expect(await successor.command('GET', 'k')).toBe('survives')

    await dead.restart()
    await cluster.settled()
    expect((await cluster.replicasOf('k')).map(at)).toEqual([at(dead)])
    await until(async () => ((await dead.command('ROLE')) as string[])[0] === 'slave')
  })
})

describeRedis('RedisCluster of other kinds', () => {
  describe.concurrent('each on its own', () => {
    test('with TLS and a password, in all that it does', async () => {
      const password = 'p@ss word/:#"'
      const { server: tls } = await makeCertificates()
      await using cluster = await RedisCluster.start({ masters: 2, replicasPerMaster: 1, password, tls })
      expect(cluster.url).toMatch(/^rediss\+cluster:\/\/:p%40ss%20word%2F%3A%23%22@127.0.0.1:\d+,127/)
      const [from, to] = await cluster.masters()
      const name = (await cluster.masterOf('k')) === from ? 'k' : 'another'
      await from?.command('SET', name, 'v')
      await cluster.migrateSlot(await cluster.keySlot(name), to as RedisServer)
      expect(await to?.command('GET', name)).toBe('v')
    })

    test('of one master', async () => {
      await using cluster = await RedisCluster.start({ masters: 1, args: ['--maxmemory', '9mb'] })
      const master = await cluster.masterOf('k')
      expect(await master.command('SET', 'k', 'v')).toBe('OK')
      const [[from, to, [host, port]]] = (await master.command('CLUSTER', 'SLOTS')) as [[number, number, Reply[]]]
      expect([from, to, host, port]).toEqual([0, 16_383, '127.0.0.1', master.port])
      expect(await master.command('CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', String(9 * 1024 ** 2)])
    })

    test('says why it did not start, and leaves nothing running', async () => {
      await expect(RedisCluster.start({ args: ['--no-such-option', '1'] })).rejects.toThrow(/no-such-option/)
    })

    test('ends when the test process is killed', async () => {
      expect(await abandoned('cluster')).toBe(3)
    })
  })
})
