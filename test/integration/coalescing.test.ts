import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { commandCounts, counting, openReady } from './open-cache.ts'

describeRedis('reads of one tick', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  beforeEach(() => server.command('FLUSHALL') as Promise<never>)

  const openWarm = async (count: number) => {
    const opened = await openReady({ url: server.url })
    const load = counting((_run, i) => i)
    const call = opened.cache.cached(load, { key: 'n', ttl: 60 })
    const numbers = Array.from({ length: count }, (_, i) => i)
    await Promise.all(numbers.map((i) => call(i)))
    await until(() => opened.of('store').length === count)
    await server.command('CONFIG', 'RESETSTAT')
    return { ...opened, call, numbers, load }
  }

  test('are one MGET', async () => {
    const { call, numbers, load } = await openWarm(100)
    expect(await Promise.all(numbers.map((i) => call(i)))).toEqual(numbers)
    const { mget = 0, get = 0 } = await commandCounts(server)
    expect({ mget, get }).toEqual({ mget: 1, get: 0 })
    expect(load.runs).toBe(100)
  })

  test('of one key are one GET, whoever asks', async () => {
    const { call, cache } = await openWarm(1)
    const values = await Promise.all([...Array.from({ length: 500 }, () => call(0)), cache.get('n:0')])
    expect(new Set(values)).toEqual(new Set([0]))
    const { mget = 0, get = 0 } = await commandCounts(server)
    expect({ mget, get }).toEqual({ mget: 0, get: 1 })
  })

  test('go out in a few writes, and so do the leases, stamps and stores of one tick', async () => {
    await using proxy = await TcpProxy.start(server)
    const { cache, of } = await openReady({ url: proxy.via(server.url) })
    const call = cache.cached(async (i: number) => i, { key: 'n', ttl: 60, tags: (i: number) => [`t:${i}`] })
    await call(-1)
    await until(() => of('store').length === 1)
    let writes = 0
    proxy.apply(async (chunk, next) => {
      if (chunk.direction === 'up') writes++
      await next(chunk)
    })
    const numbers = Array.from({ length: 100 }, (_, i) => i)
    expect(await Promise.all(numbers.map((i) => call(i)))).toEqual(numbers)
    await until(() => of('store').length === 101)
    // One for the reads, one for leases and stamps, one for the stores: each may arrive in two or three pieces.
    expect(writes).toBeLessThan(12)
  })

  test('beyond 512 are several', async () => {
    const { cache, numbers } = await openWarm(1_200)
    expect(await cache.getMany(numbers.map((i) => ['n', i]))).toEqual(numbers)
    expect((await commandCounts(server)).mget).toBe(3)
  })

  test('of which one is a mistake fail for that one alone', async () => {
    const { call, cache, numbers } = await openWarm(20)
    await server.command('ACL', 'SETUSER', 'default', 'resetkeys', '~test::n:1*', '~test::n:2', '~test::n:3')
    try {
      // n:0 and n:4 … n:9 are forbidden now, which fails the MGET as a whole.
      expect(await Promise.all(numbers.map((i) => call(i)))).toEqual(numbers)
      expect(await cache.getMany(numbers.map((i) => ['n', i]))).toEqual(
        numbers.map((i) => (i === 0 || (i > 3 && i < 10) ? undefined : i)),
      )
      expect(cache.stats().hits).toBe(13)
    } finally {
      await server.command('ACL', 'SETUSER', 'default', '~*')
    }
  })

  test('a cold call takes three commands: read, acquire, commit', async () => {
    const { call, of } = await openWarm(1)
    await call('cold')
    await until(() => of('store').length === 2)
    const counts = await commandCounts(server)
    expect(counts.get).toBe(1)
    expect((counts.evalsha ?? 0) + (counts.eval ?? 0)).toBe(2)
  })
})
