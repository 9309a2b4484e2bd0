import { pattern } from 'cachewell'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { counting, type OpenedCache, openReady } from './open-cache.ts'

const settled = (opened: OpenedCache, stores: number) => until(() => opened.of('store').length === stores)

function describeKeys(name: string, urlOf: () => string): void {
  describe(name, () => {
    test('distinct arguments have distinct entries', async () => {
      const opened = await openReady({ url: urlOf() })
      const load = counting()
      const call = opened.cache.cached(load, { key: 'args', ttl: 60 })
      const lists: unknown[][] = [
        ...[[1], ['1'], [1n], [true], ['true'], [null], ['null'], ['undefined'], [''], [' '], ["'1"], [[1]], [['1']]],
        ...[[{ a: 1 }], [{ a: '1' }], [new Date(1)], [new Map([[1, 2]])], [new Set([1, 2])], [[1, 2]], [0], [-0]],
        ...[['a:b', 'c'], ['a', 'b:c'], ['a', 'b', 'c'], ['a:b:c'], [['a', 'b'], 'c'], ['a', ['b', 'c']]],
        ...[['*'], ['?'], ['[a]'], ['a%3Ab'], [undefined, 1], [{}], [[]], [new Map()], [new Set()]],
        ...[[Number.NaN], ['NaN'], [Buffer.from('1')], [{ a: undefined }], ['x'.repeat(300)], [`${'x'.repeat(299)}y`]],
      ]
      const values = []
      for (const args of lists) values.push(await call(...args))
      await settled(opened, lists.length)
      expect(values).toEqual(lists.map((_, i) => i + 1))
      for (const [i, args] of lists.entries()) expect(await call(...args)).toBe(i + 1)
    })

    test('equal arguments share an entry, whatever the order of their fields', async () => {
      const opened = await openReady({ url: urlOf() })
      const call = opened.cache.cached(counting(), { key: 'order', ttl: 60 })
      await call({ a: 1, b: { c: 2, d: 3 } })
      await settled(opened, 1)
      expect(await call({ b: { d: 3, c: 2 }, a: 1 }, undefined)).toBe(1)
    })

    test('key parts do not run into each other', async () => {
      const opened = await openReady({ url: urlOf() })
      const call = opened.cache.cached(counting(), { key: (...parts: unknown[]) => parts, ttl: 60 })
      expect([await call('a:b', 'c'), await call('a', 'b:c'), await call('a', 1), await call('a', '1')]).toEqual([
        1, 2, 3, 4,
      ])
    })

    test('methods of the same name in two classes are apart', async () => {
      const { cache } = await openReady({ url: urlOf() })
      class Users {
        @cache.Cached({ ttl: 60 })
        async get(id: number): Promise<string> {
          return `user ${id}`
        }
      }
      class Orders {
        @cache.Cached({ ttl: 60 })
        async get(id: number): Promise<string> {
          return `order ${id}`
        }
      }
      for (let i = 0; i < 2; i++) {
        expect(await new Users().get(1)).toBe('user 1')
        expect(await new Orders().get(1)).toBe('order 1')
      }
      await until(async () => (await cache.get('Users.get:1')) === 'user 1')
      expect(await cache.invalidate('Users.get:*')).toMatchObject({ removed: 1 })
      expect(await cache.get('Orders.get:1')).toBe('order 1')
    })

    test('glob characters in data match themselves only', async () => {
      const opened = await openReady({ url: urlOf() })
      const { cache } = opened
      const call = cache.cached(counting(), { key: 'user:{0}', ttl: 60 })
      const ids = ['*', '?', '[ab]', 'a', 'b', 'ab', '\\', 'a*', '^a', '{0}', '', ' ', 'ä', ':']
      for (const id of ids) await call(id)
      await settled(opened, ids.length)
      for (const [i, id] of ids.entries()) {
        expect(await cache.invalidate(pattern`user:${id}`), id).toMatchObject({ removed: 1 })
        expect(await call.peek(id)).toBeUndefined()
        if (i < ids.length - 1) expect(await call.peek(ids[i + 1])).toBe(i + 2)
      }
    })

    test('an id of a glob character is invalidated alone, by the function and by its key', async () => {
      const opened = await openReady({ url: urlOf() })
      const { cache } = opened
      const call = cache.cached(counting(), { key: 'item', ttl: 60 })
      for (const id of ['*', 'a', 'b']) await call(id)
      await settled(opened, 3)
      expect(await call.invalidate('*')).toEqual({ removed: 1, deferred: false })
      expect(await cache.invalidate(['item', '*'])).toEqual({ removed: 0, deferred: false })
      expect([await call.peek('a'), await call.peek('b')]).toEqual([2, 3])
    })
  })
}

describeKeys('keys in memory', () => 'memory:')

describeRedis('keys in Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  beforeEach(() => server.command('FLUSHALL') as Promise<never>)

  describeKeys('of one cache', () => server.url)

  test('a prefix has its own keys, and nobody else’s', async () => {
    const prefixes = ['app', 'app:x', 'app2', 'ap', 'a.p', 'app:']
    const opened = await Promise.all(prefixes.map((prefix) => openReady({ url: server.url, prefix })))
    const caches = opened.map(({ cache }) => cache)
    // `app:` is `app`: a colon at the end is taken for the separator.
    const apart = caches.slice(0, 5)
    for (const [i, cache] of apart.entries()) await cache.set('k', i, { ttl: 60 })
    expect(await caches[5]?.get('k')).toBe(0)
    await server.command('SET', 'app', 'foreign')
    await server.command('SET', 'app:k', 'foreign')
    await server.command('SET', 'appx::k', 'foreign')
    await server.command('SET', 'k', 'foreign')

    for (const [i, cache] of apart.entries()) {
      expect(await cache.invalidate('*')).toEqual({ removed: 1, deferred: false })
      expect(await cache.get('k')).toBeUndefined()
      for (const [j, other] of apart.entries()) if (j > i) expect(await other.get('k'), prefixes[j]).toBe(j)
    }
    const left = (await server.command('KEYS', '*')) as string[]
    expect(left.sort()).toEqual(['app', 'app:k', 'appx::k', 'k'])
  })

  test.each(['../*', '*::*', '[', ']', '\\', '\\*', 'k\\', '[^x]*', '?', '**', 'app2::*'])(
    'the pattern %j stays below the prefix',
    async (glob) => {
      const { cache } = await openReady({ url: server.url, prefix: 'app' })
      const { cache: neighbour } = await openReady({ url: server.url, prefix: 'app2' })
      await neighbour.set('k', 1, { ttl: 60 })
      await server.command('SET', 'outside', '1')
      await cache.set('x', 1, { ttl: 60 })
      expect(await cache.invalidate(glob)).toMatchObject({ deferred: false })
      expect(await neighbour.get('k')).toBe(1)
      expect(await server.command('EXISTS', 'outside')).toBe(1)
    },
  )

  test('keys are readable in redis-cli', async () => {
    const opened = await openReady({ url: server.url, prefix: 'shop:prod' })
    const call = opened.cache.cached(counting(), { key: 'user:{0.id}', ttl: 60 })
    await call({ id: 42 })
    await settled(opened, 1)
    expect(await server.command('KEYS', '*')).toEqual(['shop:prod::user:42'])
    expect(Number(await server.command('PTTL', 'shop:prod::user:42'))).toBeLessThanOrEqual(60_000)
  })

  test('tens of thousands of keys go by pattern, and no others', async () => {
    const { cache } = await openReady({ url: server.url })
    const fill = `for i = 1, 20000 do redis.call('SET', 'test::many:' .. i, 'x') redis.call('SET', 'other:' .. i, 'x') end`
    await server.command('EVAL', fill, 0)
    expect(await cache.invalidate('many:*')).toEqual({ removed: 20_000, deferred: false })
    expect(await server.command('DBSIZE')).toBe(20_000)
  })
})
