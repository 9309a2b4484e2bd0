import { expect, test } from 'vitest'
import { makeCertificates } from './support/certificates.ts'
import { describeRedis } from './support/redis-available.ts'
import { RedisPair } from './support/redis-pair.ts'

describeRedis('RedisPair', () => {
  test('what is written to the master comes to the replica, which takes nothing else', async () => {
    await using pair = await RedisPair.start()
    await pair.master.command('SET', 'k', 'v')
    await pair.caughtUp()
    expect(await pair.replica.command('GET', 'k')).toBe('v')
    await expect(pair.replica.command('SET', 'k', 'w')).rejects.toMatchObject({ code: 'READONLY' })
  })

  test('a promoted replica goes its own way', async () => {
    await using pair = await RedisPair.start()
    await pair.master.command('SET', 'k', 'v')
    await pair.caughtUp()
    await pair.promote()
    expect(await pair.replica.command('SET', 'k', 'w')).toBe('OK')
    expect(await pair.master.command('GET', 'k')).toBe('v')
  })

  test('with a password and TLS', async () => {
    const { server: tls } = await makeCertificates()
    await using pair = await RedisPair.start({ password: 'secret', tls, args: ['--maxmemory', '9mb'] })
    await pair.master.command('SET', 'k', 'v')
    await pair.caughtUp()
    expect(await pair.replica.command('GET', 'k')).toBe('v')
    expect(await pair.replica.command('CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', String(9 * 1024 ** 2)])
  })
})
