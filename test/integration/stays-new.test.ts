import { type CacheOptions, loadSignal } from 'cachewell'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sleep } from '../support/real-time.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { hold, TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { openReady } from './open-cache.ts'

// What is new is not replaced by what is old, and who has come in time is not held up by who never ends.

describeRedis('what is new stays', () => {
  let server: RedisServer
  let count = 0
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  const where = (more: CacheOptions = {}) => ({
    url: server.url,
    commandTimeout: '1s',
    prefix: `new${++count}`,
    ...more,
  })

  test('a SET that arrives late, on a connection that has been given up, is not carried out any more', async () => {
    await using proxy = await TcpProxy.start(server)
    const prefix = `new${++count}`
    const { cache, of } = await openReady({ url: proxy.via(server.url), prefix, commandTimeout: '100ms' })
    const { cache: other } = await openReady({ url: server.url, prefix })
    const stuck = proxy.connections.map(({ id }) => id)
    const lift = proxy.apply(hold(({ connection }) => stuck.includes(connection.id)))
    expect(await cache.set('k', 'old', { ttl: 60 })).toBe(false)
    await until(() => of('connection').filter(({ state }) => state === 'ready').length > 1)
    expect(await cache.invalidate('k')).toMatchObject({ deferred: false })
    expect(await other.invalidate('k')).toMatchObject({ deferred: false })
    lift()
    for (let i = 0; i < 20; i++) {
      expect([await cache.get('k'), await other.get('k')]).toEqual([undefined, undefined])
      await sleep(10)
    }
  })

  test.each([
    ['a load of another process', 'call'],
    ['a refresh of another process', 'refresh'],
  ] as const)('a refresh is not undone by %s that began before it and ends within it', async (_name, how) => {
    const options = where()
    const [{ cache }, { cache: other }] = [await openReady(options), await openReady(options)]
    let row = 'old'
    const reading = (ms: number) => async () => {
      const read = row
      await sleep(ms)
      return read
    }
    const own = cache.cached(reading(150), { key: 'row', ttl: 60 })
    const theirs = other.cached(reading(100), { key: 'row', ttl: 60 })
    const older = how === 'call' ? theirs() : theirs.refresh()
    await sleep(30)
    row = 'new'
    expect(await own.refresh()).toBe('new')
    expect(await older).toBe('old')
    await sleep(20)
    expect([await own(), await theirs()]).toEqual(['new', 'new'])
  })

  test('nor where its own result is not to be kept', async () => {
    const options = where()
    const [{ cache }, { cache: other }] = [await openReady(options), await openReady(options)]
    const own = cache.cached(async () => sleep(150).then(() => undefined as string | undefined), {
      key: 'row',
      ttl: 60,
    })
    const theirs = other.cached(async () => sleep(100).then(() => 'old'), { key: 'row', ttl: 60 })
    const older = theirs()
    await sleep(30)
    expect(await own.refresh()).toBeUndefined()
    expect(await older).toBe('old')
    expect(await theirs.peek()).toBeUndefined()
  })

  test('a refresh that cannot be stored leaves what stands there', async () => {
    await using full = await RedisServer.start()
    const { cache } = await openReady({ url: full.url })
    let runs = 0
    const own = cache.cached(async () => ++runs, { key: 'own', ttl: 60 })
    await own()
    await until(() => own.peek().then((value) => value === 1))
    await full.command('CONFIG', 'SET', 'maxmemory', '1')
    expect(await own.refresh()).toBe(2)
    expect(await own()).toBe(1)
  })

  test('nor by one of the same process', async () => {
    const { cache } = await openReady(where())
    let [row, ms] = ['old', 100]
    const own = cache.cached(
      async () => {
        const read = row
        await sleep(ms)
        return read
      },
      { key: 'row', ttl: 60 },
    )
    await own()
    await sleep(20)
    const older = own.refresh()
    await sleep(30)
    ;[row, ms] = ['new', 150]
    expect([await own.refresh(), await older]).toEqual(['new', 'old'])
    expect(await own()).toBe('new')
  })

  test.each<[string, CacheOptions, object]>([
    ['in Redis', {}, { resultTags: () => ['t'] }],
    ['in Redis, compressed', {}, { compress: true }],
    ['near', { near: true }, { resultTags: () => ['t'] }],
    ['near, compressed', { near: true }, { compress: true }],
    ['in memory', { url: 'memory:' }, { resultTags: () => ['t'] }],
  ])('a call after a refresh is served what that has brought, %s', async (_name, more, options) => {
    const { cache } = await openReady(where(more))
    let runs = 0
    const own = cache.cached(async () => ({ run: ++runs, pad: 'x'.repeat(100_000) }), {
      key: 'own',
      ttl: 60,
      ...options,
    })
    await own()
    for (let run = 2; run < 12; run++) {
      await sleep(10)
      await own()
      expect((await own.refresh()).run).toBe(run)
      expect((await own()).run).toBe(run)
    }
  })

  test('a refresh whose result cannot be stored in time is returned all the same', async () => {
    const { cache } = await openReady(where({ commandTimeout: '300ms' }))
    const own = cache.cached(async () => sleep(10).then(() => 'value'), { key: 'own', ttl: 60, hardTimeout: '150ms' })
    await own()
    await sleep(20)
    const refreshed = own.refresh()
    await sleep(5)
    server.pause()
    try {
      expect(await refreshed).toBe('value')
    } finally {
      server.resume()
    }
  })

  test('a counter that is still to be removed counts nothing', async () => {
    await using own = await RedisServer.start({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
    const { cache, of } = await openReady({ url: own.url })
    for (let i = 0; i < 7; i++) await cache.increment('hits:1', 1, { ttl: '1h' })
    await own.command('EVAL', "for i = 1, 60000 do redis.call('SET', 'test::x:' .. i, 1) end", 0)
    await own.stop()
    await until(() => of('connection').some(({ state }) => state === 'lost'))
    expect(await cache.invalidate('hits:*')).toMatchObject({ deferred: true })
    await own.restart()
    const counts: number[] = []
    await until(async () => {
      const counted = await cache.increment('hits:1', 1, { ttl: '1h' })
      if (counted !== undefined) counts.push(counted)
      return counts.length > 2
    })
    expect(counts).toEqual([1, 2, 3])
  })
})

function describeWaiting(where: () => CacheOptions): void {
  test('a load that never ends holds up nobody who comes when its hardTimeout has passed', async () => {
    const { cache } = await openReady(where())
    let runs = 0
    const own = cache.cached(async () => (++runs === 1 ? new Promise<never>(() => {}) : `run ${runs}`), {
      ...{ key: 'own', ttl: 60, hardTimeout: '200ms' },
    })
    await expect(own()).rejects.toThrow('hardTimeout')
    // In this process: in the fleet its lease is still there, for as long as a waiter has patience.
    await until(() => own().then(Boolean, () => false), { timeoutMs: 15_000 })
    expect(runs).toBeGreaterThan(1)
  }, 20_000)

  test('refresh heeds hardTimeout', async () => {
    const { cache } = await openReady(where())
    let hangs = false
    const own = cache.cached(async (n: number) => (hangs ? new Promise<number>(() => {}) : n), {
      ...{ key: 'own', ttl: 60, hardTimeout: '200ms' },
    })
    await own(1)
    await sleep(20)
    hangs = true
    for (const n of [1, 2]) await expect(own.refresh(n)).rejects.toThrow('took longer than its hardTimeout of 200 ms')
  })

  test('who runs out of time tells the load that it has waited for, and no other', async () => {
    const { cache } = await openReady(where())
    class Row {} // It cannot be shared: who has joined runs the function.
    let runs = 0
    const own = cache.cached(
      async () => {
        const run = ++runs
        const signal = loadSignal() as AbortSignal | undefined
        await new Promise<void>((resolve, reject) => {
          setTimeout(resolve, run === 1 ? 80 : run === 2 ? 1_000 : 100)
          signal?.addEventListener('abort', () => reject(new Error(`run ${run} was given up`)))
        })
        return new Row()
      },
      { key: 'own', ttl: 60, hardTimeout: '160ms' },
    )
    const first = own()
    await sleep(10)
    const second = expect(own()).rejects.toThrow('hardTimeout')
    await first
    await sleep(30)
    expect(await own()).toBeInstanceOf(Row)
    await second
  })
}

describe('who waits, in memory', () => {
  describeWaiting(() => ({ url: 'memory:' }))
})

describeRedis('who waits, in Redis', () => {
  let server: RedisServer
  let count = 0
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  describeWaiting(() => ({ url: server.url, prefix: `waits${++count}`, commandTimeout: '1s' }))
})
