import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { openReady } from './open-cache.ts'

function describeDirect(name: string, urlOf: () => string): void {
  describe(name, () => {
    const open = () => openReady({ url: urlOf(), prefix: `d-${Math.random().toString(36).slice(2)}` })

    test('get, set and delete', async () => {
      const { cache } = await open()
      expect(await cache.get('k')).toBeUndefined()
      expect(await cache.set('k', { a: 1 }, { ttl: 60 })).toBe(true)
      expect(await cache.get('k')).toEqual({ a: 1 })
      expect(await cache.set('k', 0, { ttl: 60 })).toBe(true)
      expect(await cache.get('k')).toBe(0)
      expect(await cache.delete('k')).toBe(true)
      expect(await cache.delete('k')).toBe(false)
      expect(await cache.get('k')).toBeUndefined()
    })

    test('getMany and setMany keep the order', async () => {
      const { cache } = await open()
      const keys = Array.from({ length: 50 }, (_, i) => ['many', i])
      expect(
        await cache.setMany(
          keys.map((key, i) => [key, { i }] as const),
          { ttl: 60 },
        ),
      ).toBe(true)
      expect(await cache.getMany([...keys, 'none', ['many', 3]])).toEqual([
        ...keys.map((_, i) => ({ i })),
        undefined,
        { i: 3 },
      ])
      expect(await cache.getMany([])).toEqual([])
    })

    test('setMany stores what can be stored, and says that not all was', async () => {
      const { cache, of } = await open()
      const items = [
        ['good', 1],
        ['bad', () => 1],
        ['none', undefined],
      ] as const
      expect(await cache.setMany(items, { ttl: 60 })).toBe(false)
      expect(await cache.getMany(['good', 'bad', 'none'])).toEqual([1, undefined, undefined])
      expect(of('notice')).toMatchObject([{ code: 'unstorable' }])
    })

    test('increment and decrement count atomically, and the ttl is not put off', async () => {
      const { cache } = await open()
      const counts = await Promise.all(Array.from({ length: 100 }, () => cache.increment('n', 2, { ttl: 60 })))
      expect(Math.max(...(counts as number[]))).toBe(200)
      expect(new Set(counts).size).toBe(100)
      expect(await cache.decrement('n', 50, { ttl: 60 })).toBe(150)
      expect(await cache.get('n')).toBe(150)
      expect(await cache.getMany(['n'])).toEqual([150])
      expect(await cache.delete('n')).toBe(true)

      await cache.increment('short', 1, { ttl: '200ms' })
      await cache.increment('short', 1, { ttl: 60 })
      await until(async () => (await cache.get('short')) === undefined)
      expect(await cache.increment('short', 1, { ttl: 60 })).toBe(1)
    })

    test('a counter is no value and a value no counter', async () => {
      const { cache, of } = await open()
      await cache.set('value', 5, { ttl: 60 })
      expect(await cache.increment('value', 1, { ttl: 60 })).toBeUndefined()
      expect(await cache.get('value')).toBe(5)
      await cache.increment('counter', 5, { ttl: 60 })
      const call = cache.cached(async () => 'loaded', { key: 'counter', ttl: 60 })
      expect(await call()).toBe('loaded')
      expect(await cache.get('counter')).toBe(5)
      expect(of('trouble')).toHaveLength(1)
    })

    test('mistakes are thrown, and say what to write', async () => {
      const { cache } = await open()
      const ttl = { ttl: 60 }
      await expect(cache.set('k', 1, {} as never)).rejects.toThrow(
        "set needs a ttl: write set(key, value, { ttl: '5m' })",
      )
      const many = cache.setMany([['k', 1]], {} as never)
      await expect(many).rejects.toThrow("setMany needs a ttl: write setMany([[key, value]], { ttl: '5m' })")
      const more = cache.increment('k', { ttl: 60 } as never, undefined as never)
      await expect(more).rejects.toThrow("increment needs a ttl: write increment(key, by, { ttl: '5m' })")
      const less = cache.decrement('k', '1' as never, { ttl: 60 })
      await expect(less).rejects.toThrow("a counter counts in whole numbers, got '1'")
      const tags = cache.invalidateTags(['t'], 'expire' as never)
      await expect(tags).rejects.toThrow("as in invalidateTags(['org:42'], { mode: 'expire' })")
      await expect(cache.set('k', 1, { ttl: 0 })).rejects.toThrow('above zero')
      await expect(cache.set('k', 1, { ttl: '5 minutes' })).rejects.toThrow('must be a duration')
      await expect(cache.set('', 1, ttl)).rejects.toThrow('empty string')
      await expect(cache.set([], 1, ttl)).rejects.toThrow('empty array')
      await expect(cache.get(['a', undefined])).rejects.toThrow('undefined')
      for (const by of [0.5, Number.NaN, 2 ** 53, '5', [5], true, null, undefined]) {
        await expect(cache.increment('n', by as number, ttl), `${by}`).rejects.toThrow('whole numbers')
        await expect(cache.decrement('n', by as number, ttl), `${by}`).rejects.toThrow('whole numbers')
      }
      await expect(cache.increment('n', 1, { ttl: 60, tags: ['t'] } as never)).rejects.toThrow("no option 'tags'")
      await expect(cache.invalidate('')).rejects.toThrow('empty')
      await expect(cache.set('k', 1, { ttl: 60, px: 1 } as never)).rejects.toThrow("no option 'px'")
    })

    test('a function and direct access share a key', async () => {
      const { cache } = await open()
      const call = cache.cached(async (i: number) => ({ i }), { key: 'shared', ttl: 60 })
      const key = call.keyFor(1) as string
      await cache.set(key, { i: 'set' }, { ttl: 60 })
      expect(await call(1)).toEqual({ i: 'set' })
      expect(await call.peek(1)).toEqual({ i: 'set' })
      expect(await call.set([2], { i: 20 })).toBe(true)
      expect(await cache.get(['shared', 2])).toEqual({ i: 20 })
      expect(await call.invalidate(2)).toEqual({ removed: 1, deferred: false })
      expect(await call.peek(2)).toBeUndefined()
    })
  })
}

describeDirect('direct access in memory', () => 'memory:')

describeRedis('direct access over Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  beforeEach(() => server.command('FLUSHALL') as Promise<never>)

  describeDirect('of one cache', () => server.url)
})
