import type { Cache } from 'cachewell'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { counting, openCache, openReady, timed } from './open-cache.ts'

/** A class whose method changes what stands at `k`. */
function updaterOf(cache: Cache) {
  return class {
    @cache.CacheUpdate({ key: () => 'k', ttl: 60 })
    async update() {
      return { updated: true }
    }
  }
}

describeRedis('an invalidation while Redis is away', () => {
  let server: RedisServer
  beforeEach(async () => {
    // What Redis holds survives its restart.
    server = await RedisServer.start({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
  })
  afterEach(() => server[Symbol.asyncDispose]())

  test.each([
    ['a key', 'k:1', 1],
    ['a pattern', 'k:*', 2],
  ])('is carried out before anything is served again: %s', async (_what, target, removed) => {
    const { cache, of } = await openReady({ url: server.url })
    let version = 'old'
    const call = cache.cached(async (i: number) => `${version} ${i}`, { key: 'k', ttl: 600 })
    await Promise.all([call(1), call(2)])
    await until(() => of('store').length === 2)
    await cache.set('other', 'kept', { ttl: 600 })

    await server.kill()
    await until(() => of('connection').some(({ state }) => state === 'lost'))
    version = 'new'
    const { value, ms } = await timed(() => cache.invalidate(target))
    expect(value).toEqual({ removed: 0, deferred: true })
    expect(ms).toBeLessThan(100)
    expect(await call(1)).toBe('new 1')

    await server.restart()
    // It has kept what it had; the cache may have come back and carried out the removal already.
    expect([3, 3 - removed]).toContain(await server.command('DBSIZE'))
    // Every answer on the way back counts.
    const seen = new Set<string>()
    await until(async () => {
      seen.add(await call(1))
      return (await cache.get('other')) === 'kept'
    })
    for (let i = 0; i < 10; i++) seen.add(await call(1))
    expect(seen).toEqual(new Set(['new 1']))
    expect(await call(2)).toBe(removed === 2 ? 'new 2' : 'old 2')
  })

  test('by a method’s @CacheInvalidate: the method succeeds', async () => {
    const { cache, of } = await openReady({ url: server.url })
    class Prices {
      value = 1
      @cache.Cached({ key: 'price', ttl: 600 })
      async get(): Promise<number> {
        return this.value
      }
      @cache.CacheInvalidate({ key: 'price' })
      async set(value: number): Promise<string> {
        this.value = value
        return 'done'
      }
    }
    const prices = new Prices()
    expect(await prices.get()).toBe(1)
    await until(() => of('store').length === 1)
    await server.kill()
    expect(await prices.set(2)).toBe('done')
    await server.restart()
    await until(async () => {
      expect(await prices.get()).toBe(2)
      return of('hit').length > 0
    })
    expect(of('invalidate').some(({ deferred }) => deferred)).toBe(true)
  })

  test('that hangs resolves in bounded time, and what it may still serve is not served', async () => {
    const { cache, of } = await openReady({ url: server.url })
    let version = 'old'
    const call = cache.cached(async () => version, { key: 'k', ttl: 600 })
    await call()
    await until(() => of('store').length === 1)

    server.pause()
    version = 'new'
    const { value, ms } = await timed(() => cache.invalidate('k'))
    expect(value).toEqual({ removed: 0, deferred: true })
    expect(ms).toBeLessThan(2_500)
    expect(await call()).toBe('new')
    server.resume()
    await until(async () => {
      expect(await call()).toBe('new')
      return of('hit').length > 0
    })
    expect(await server.command('GET', 'test::k')).toContain('new')
  })

  test.each<[string, (cache: Cache) => Promise<unknown>]>([
    ['key', (cache) => cache.invalidate('k')],
    ['pattern', (cache) => cache.invalidate('*')],
    ['tag', (cache) => cache.invalidateTags('tag')],
    ['update', (cache) => new (updaterOf(cache))().update()],
  ])('that comes before it is known where to store is not lost: by %s', async (_how, invalidate) => {
    const writer = await openReady({ url: server.url })
    await until(() => writer.cache.set('k', 'old', { ttl: 600, tags: ['tag'] }))
    let tell = (_url: string) => {}
    const { cache, of } = openCache({
      url: () =>
        new Promise<string>((resolve) => {
          tell = resolve
        }),
    })
    const result = await invalidate(cache)
    expect(result).toMatchObject(_how === 'update' ? { updated: true } : { deferred: true })
    expect(await writer.cache.get('k')).toBe('old')
    tell(server.url)
    await until(() => of('replay').length > 0)
    expect(await writer.cache.get('k')).toBeUndefined()
    expect(await cache.get('k')).toBeUndefined()
  })

  test('many of them are all carried out, also more than are noted one by one', async () => {
    const keys: [string, ...string[]] = ['test::n:1', 'test::n:10000', 'test::n:10001', 'test::n:11000']
    const { cache, of } = await openReady({ url: server.url })
    const fill = `for i = 1, 12000 do redis.call('SET', 'test::n:' .. i, 'x') end redis.call('SET', 'outside', 1)`
    await server.command('EVAL', fill, 0)
    await cache.get('warm')
    await server.kill()
    await until(() => of('connection').some(({ state }) => state === 'lost'))
    const results = await Promise.all(Array.from({ length: 11_000 }, (_, i) => cache.invalidate(['n', i + 1])))
    expect(results.every(({ deferred }) => deferred)).toBe(true)
    await server.restart()
    await server.command('EVAL', fill, 0)
    await until(() => of('connection').filter(({ state }) => state === 'ready').length === 2)
    // The last one was not asked for: more than can be noted one by one become all.
    await until(async () => (await server.command('EXISTS', ...keys, 'test::n:12000')) === 0)
    expect(await server.command('EXISTS', 'outside')).toBe(1)
  })

  test('that is over when the cache is closed is told', async () => {
    const { cache, of } = await openReady({ url: server.url })
    await cache.get('warm')
    await server.kill()
    await cache.invalidate('a')
    await cache.invalidate('b*')
    await cache.close()
    expect(of('notice')).toMatchObject([{ code: 'undelivered', level: 'error' }])
    expect(of('notice')[0]?.message).toContain('2 invalidations')
  })

  test('a set that nobody knows the outcome of does not bring an old value back', async () => {
    const { cache, of } = await openReady({ url: server.url })
    await cache.get('warm')
    server.pause()
    expect(await cache.set('k', 'late', { ttl: 600 })).toBe(false)
    server.resume()
    await until(() => of('connection').filter(({ state }) => state === 'ready').length === 2)
    expect(await cache.get('k')).toBeUndefined()
  })

  test('in the very moment in which the connection comes back is not passed over', async () => {
    const breaker = { probeAfter: '20ms', probeAtMost: '20ms' }
    const writer = await openReady({ url: server.url, breaker })
    let afterUnlink = () => {}
    /** A client that calls back a number of microtasks after it has removed something. */
    const given = new Redis(server.url, { lazyConnect: true })
    const client = {
      options: given.options,
      defineCommand: given.defineCommand.bind(given),
      duplicate(options: object) {
        const ours = given.duplicate(options)
        const unlink = ours.unlink.bind(ours) as (...args: unknown[]) => Promise<number>
        return Object.assign(ours, {
          unlink: async (...args: unknown[]) => {
            const removed = await unlink(...args)
            afterUnlink()
            return removed
          },
        })
      },
    }
    for (let turns = 0; turns < 40; turns++) {
      const { cache, of } = await openReady({ client, breaker })
      await writer.cache.set('late', 'old', { ttl: 600 })
      expect(await cache.get('late')).toBe('old')
      await server.command('CLIENT', 'KILL', 'TYPE', 'normal')
      await until(() => of('connection').some(({ state }) => state === 'lost'))
      let result: Promise<unknown> | undefined
      afterUnlink = async () => {
        afterUnlink = () => {}
        for (let i = 0; i < turns; i++) await null
        result = cache.invalidate('late')
      }
      await cache.invalidate('first')
      await until(() => result)
      await result
      expect(await cache.get('late'), `after ${turns} turns`).toBeUndefined()
      await cache.close()
      await until(() => writer.cache.set('warm', 1, { ttl: 60 }))
    }
    given.disconnect()
  })

  test('counting goes on when it is back', async () => {
    const { cache } = await openReady({ url: server.url })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    await server.kill()
    expect(await call()).toBe(1)
    expect(await cache.increment('n', 1, { ttl: 60 })).toBeUndefined()
    await server.restart()
    await until(async () => (await cache.increment('n', 1, { ttl: 60 })) === 1)
  })
})
