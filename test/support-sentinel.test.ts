import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { abandoned } from './support/abandoned.ts'
import { makeCertificates } from './support/certificates.ts'
import { rawCommand } from './support/raw-command.ts'
import { RawSession } from './support/raw-session.ts'
import { describeRedis } from './support/redis-available.ts'
import { RedisSentinel } from './support/redis-sentinel.ts'
import type { RedisServer } from './support/redis-server.ts'

const addressOf = ({ port }: RedisServer) => ['127.0.0.1', String(port)]
const masterBy = (sentinel: RedisServer) => sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster')
const roleOf = async (server: RedisServer) => ((await server.command('ROLE')) as string[])[0]

describeRedis('RedisSentinel', () => {
  describe.concurrent('each on its own', () => {
    test('watches a master and its replica', async () => {
      await using group = await RedisSentinel.start()
      const [sentinel] = group.sentinels
      expect(group.url).toBe(`redis+sentinel://127.0.0.1:${sentinel?.port}/mymaster`)
      const master = await group.master()
      expect([master, ...(await group.replicas())].map(addressOf)).toEqual(group.servers.map(addressOf))
      expect(await masterBy(sentinel as RedisServer)).toEqual(addressOf(master))
      expect(await Promise.all(group.servers.map(roleOf))).toEqual(['master', 'slave'])
    })

    test('is one that clients understand', async () => {
      await using group = await RedisSentinel.start()
      const sentinels = group.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))
      const client = new Redis({ sentinels, name: group.name, role: 'slave' })
      try {
        const [role, , port] = (await client.role()) as [string, string, number]
        expect([role, port]).toEqual(['slave', (await group.master()).port])
      } finally {
        client.disconnect()
      }
    })

    test('three of them choose a new master for a dead one, which becomes a replica when it is back', async () => {
      await using group = await RedisSentinel.start({ sentinels: 3, replicas: 2 })
      using session = new RawSession(await group.master())
      await session.command('SET', 'k', 'survives')
      expect(await session.command('WAIT', 2, 5_000)).toBe(2)

      const dead = await group.killMaster()
      const successor = await group.waitForNewMaster(dead)
      expect(successor).not.toBe(dead)
      for (const sentinel of group.sentinels) expect(await masterBy(sentinel)).toEqual(addressOf(successor))
      expect(await successor.command('GET', 'k')).toBe('survives')
      expect(await successor.command('SET', 'k', 'new')).toBe('OK')

      await dead.restart()
      await group.settled()
      expect(await dead.command('ROLE')).toEqual([
        'slave',
        '127.0.0.1',
        successor.port,
        'connected',
        expect.any(Number),
      ])
    })

    test('an operator can have a replica take over, again and again', async () => {
      await using group = await RedisSentinel.start({ sentinels: 3 })
      const [first, second] = group.servers
      expect(await group.failover()).toBe(second)
      expect(await roleOf(second as RedisServer)).toBe('master')
      expect(await group.failover()).toBe(first)
      expect(await group.master()).toBe(first)
    })

    test('a master that hangs is replaced too', async () => {
      await using group = await RedisSentinel.start()
      const [hung, replica] = group.servers as [RedisServer, RedisServer]
      hung.pause()
      expect(await group.waitForNewMaster(hung)).toBe(replica)
      hung.resume()
      await group.settled()
      expect(await roleOf(hung)).toBe('slave')
    })

    test('a sentinel keeps what it knows over its own end', async () => {
      await using group = await RedisSentinel.start()
      const successor = await group.failover()
      const [sentinel] = group.sentinels as [RedisServer]
      await sentinel.kill()
      await sentinel.restart()
      expect(await masterBy(sentinel)).toEqual(addressOf(successor))
      await group.settled()
    })

    test('with TLS, and a password for the servers and another for the sentinels', async () => {
      const [password, sentinelPassword] = ['p@ss "word"\\', 'an other']
      const { server: tls } = await makeCertificates()
      await using group = await RedisSentinel.start({ sentinels: 3, password, sentinelPassword, tls })
      expect(group.url).toMatch(/^rediss\+sentinel:\/\/:p%40ss%20%22word%22%5C@127.0.0.1:\d+,.+\/mymaster$/)
      const [sentinel] = group.sentinels as [RedisServer]
      const stranger = { host: '127.0.0.1', port: sentinel.port, ca: tls.ca, password }
      await expect(rawCommand(stranger, 'PING')).rejects.toMatchObject({ code: 'WRONGPASS' })
      const dead = await group.killMaster()
      expect(await group.waitForNewMaster(dead)).not.toBe(dead)
    })

    test('says why it did not start', async () => {
      await expect(RedisSentinel.start({ args: ['--no-such-option', '1'] })).rejects.toThrow(/no-such-option/)
      await expect(RedisSentinel.start({ downAfterMs: -1 })).rejects.toThrow(/down-after-milliseconds/)
    })

    test('ends when the test process is killed', async () => {
      expect(await abandoned('sentinel')).toBe(3)
    })
  })
})
