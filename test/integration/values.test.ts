import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { commandCounts, counting, openReady } from './open-cache.ts'

function describeValues(name: string, urlOf: () => string): void {
  describe(name, () => {
    const values: [string, unknown][] = [
      ['0', 0],
      ['-0', -0],
      ['false', false],
      ['an empty string', ''],
      ['a string', 'plain'],
      ['a string of digits', '42'],
      ['an ISO date as a string', '2026-01-01T00:00:00.000Z'],
      ['a string of JSON', '{"a":1}'],
      ['odd characters', '\u0000\n\r\t"\\\u2028 ä 😀 \ud800'],
      ['a BigInt', 123456789012345678901234567890n],
      ['NaN', Number.NaN],
      ['infinities', [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
      ['a Date', new Date('2026-01-01T12:00:00.123Z')],
      ['an invalid Date', new Date(Number.NaN)],
      [
        'a Map',
        new Map<unknown, unknown>([
          [1, 'one'],
          ['1', new Map([[{ a: 1 }, null]])],
        ]),
      ],
      ['a Set', new Set([1, '1', new Date(5)])],
      ['undefined in an object', { a: undefined, b: null }],
      ['undefined in an array', [undefined, null, 0]],
      // biome-ignore lint/suspicious/noSparseArray: a hole is what it is about
      ['a hole in an array', [1, , 3]],
      ['an empty object', {}],
      ['an empty array', []],
      ['a Buffer', Buffer.from([0, 255, 10, 13])],
      ['a Uint8Array', Uint8Array.from([1, 2, 255])],
      ['a Float64Array', Float64Array.from([0.1, Number.NaN])],
      ['an ArrayBuffer', Uint8Array.from([7, 8]).buffer],
      ['a field called __proto__', JSON.parse('{"__proto__":{"admin":true},"constructor":1}')],
      ['an object without a prototype', Object.assign(Object.create(null), { a: 1 })],
      ['what looks like our own side table', [{ a: 1 }, [['date', 'a']]]],
      ['much of all', { rows: Array.from({ length: 500 }, (_, i) => ({ i, at: new Date(i), tags: new Set([i]) })) }],
    ]

    test.each(values)('%s comes back as it was, from a hit as from a miss', async (_what, value) => {
      const { cache, of } = await openReady({ url: urlOf(), prefix: `v-${Math.random().toString(36).slice(2)}` })
      const load = counting(() => value)
      const call = cache.cached(load, { key: 'k', ttl: 60 })
      const [missed, joined] = await Promise.all([call(), call()])
      await until(() => of('store').length === 1)
      // What is hot is not parsed anew each time.
      const hits = [await call(), await call(), await call(), await call()]
      expect(load.runs).toBe(1)
      expect(of('hit')).toHaveLength(hits.length)
      expect(typeof value === 'object' && new Set(hits).size < hits.length).toBe(false)
      for (const got of [missed, joined, ...hits]) {
        expect(got).toStrictEqual(value)
        if (typeof value === 'object' && value !== null) {
          expect(Object.getPrototypeOf(got)).toBe(Object.getPrototypeOf(value))
          expect(Reflect.ownKeys(got as object)).toEqual(Reflect.ownKeys(value))
        }
      }
      if (typeof value === 'object') for (const hit of hits) expect(hit).not.toBe(value)
      expect(await cache.set('direct', value, { ttl: 60 })).toBe(true)
      expect(await cache.get('direct')).toStrictEqual(value)
    })

    test('undefined is never kept; null is where nullTtl says so', async () => {
      const { cache, of } = await openReady({ url: urlOf(), prefix: `v-${Math.random().toString(36).slice(2)}` })
      const runs = async (value: unknown, options: object) => {
        const load = counting(() => value)
        const key = `k${of('store').length}`
        const call = cache.cached(load, { key, ttl: 60, ...options } as { key: 'k'; ttl: 60 })
        for (let i = 0; i < 3; i++) {
          const before = of('store').length
          expect(await call()).toBe(value)
          await until(() => of('store').length > before || of('hit').length > 0)
        }
        return load.runs
      }
      expect(await runs(undefined, {})).toBe(3)
      expect(await runs(undefined, { nullTtl: 60 })).toBe(3)
      expect(await runs(null, {})).toBe(3)
      expect(await runs(null, { nullTtl: 60 })).toBe(1)
      expect(await cache.set('k', undefined, { ttl: 60 })).toBe(false)
    })

    test('what is larger than maxValueBytes passes through, with one notice', async () => {
      const { cache, of } = await openReady({
        url: urlOf(),
        prefix: `v-${Math.random().toString(36).slice(2)}`,
        maxValueBytes: 10_000,
      })
      const load = counting((_run, size) => 'x'.repeat(size as number))
      const call = cache.cached(load, { key: 'k', ttl: 60 })
      for (let i = 1; i <= 3; i++) {
        expect(await call(20_000)).toHaveLength(20_000)
        await until(() => of('store').length === i)
      }
      expect(load.runs).toBe(3)
      expect(await call(5_000)).toHaveLength(5_000)
      await until(() => of('store').some(({ stored }) => stored))
      expect(await call(5_000)).toHaveLength(5_000)
      expect(load.runs).toBe(4)
      expect(new Set(of('notice').map(({ code }) => code))).toEqual(new Set(['too-large']))
      expect(await cache.set('k', 'x'.repeat(20_000), { ttl: 60 })).toBe(false)
    })

    test('a value that shrinks below the limit replaces, one that grows beyond it does not leave the old one', async () => {
      const { cache, of } = await openReady({
        url: urlOf(),
        prefix: `v-${Math.random().toString(36).slice(2)}`,
        maxValueBytes: 1_000,
      })
      let size = 10
      const call = cache.cached(async () => 'x'.repeat(size), { key: 'k', ttl: 60 })
      await call()
      await until(() => of('store').length === 1)
      size = 5_000
      await cache.invalidate('k')
      expect(await call()).toHaveLength(5_000)
      expect(await call()).toHaveLength(5_000)
      expect(await cache.get('k')).toBeUndefined()
    })

    test('ttl, also as a function of the result, is kept to', async () => {
      const { cache } = await openReady({ url: urlOf(), prefix: `v-${Math.random().toString(36).slice(2)}` })
      const load = counting((run) => ({ run, ms: 150 }))
      const call = cache.cached(load, { key: 'k', ttl: ({ ms }: { ms: number }) => `${ms}ms` })
      expect((await call()).run).toBe(1)
      await until(async () => (await cache.get('k')) !== undefined)
      expect((await call()).run).toBe(1)
      await until(async () => (await call()).run === 2, { label: 'the end of the ttl' })
    })
  })
}

describeValues('values in memory', () => 'memory:')

describeRedis('values in Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  beforeEach(() => server.command('FLUSHALL') as Promise<never>)

  describeValues('of one cache', () => server.url)

  test('a value of about a mebibyte is kept', async () => {
    const { cache, of } = await openReady({ url: server.url })
    const text = 'ä'.repeat(500_000)
    const call = cache.cached(async () => text, { key: 'k', ttl: 60 })
    await call()
    await until(() => of('store').length === 1)
    expect(await call()).toBe(text)
    expect(cache.stats()).toMatchObject({ hits: 1, stores: 1 })
  })

  test('what is kept in Redis always expires', async () => {
    const { cache, of } = await openReady({ url: server.url })
    await cache.cached(counting(), { key: 'value', ttl: '7d' })()
    await cache.cached(async () => null, { key: 'pass', ttl: '7d' })()
    await cache.set('set', 1, { ttl: '1h' })
    await cache.increment('counter', 1, { ttl: '1h' })
    const lease = cache.cached(() => new Promise<void>((resolve) => setTimeout(resolve, 500)), {
      key: 'lease',
      ttl: 60,
    })
    void lease()
    await until(() => of('store').length >= 2)
    await until(async () => (await server.command('DBSIZE')) === 5)
    for (const key of (await server.command('KEYS', '*')) as string[]) {
      expect(Number(await server.command('PTTL', key)), key).toBeGreaterThan(0)
    }
  })
  test('a hot value is read from Redis each time, and is what stands there now', async () => {
    const { cache, of } = await openReady({ url: server.url })
    const call = cache.cached(async () => ({ rows: [{ tags: ['first'] }] }), { key: 'k', ttl: 60 })
    await call()
    await until(() => of('store').length === 1)
    await server.command('CONFIG', 'RESETSTAT')
    for (let i = 0; i < 5; i++) {
      const value = await call()
      expect(value).toEqual({ rows: [{ tags: ['first'] }] })
      value.rows[0]?.tags.push('changed by a caller')
    }
    expect(await commandCounts(server)).toMatchObject({ get: 5 })
    // Another program writes in its place: the same header, the same id, as many bytes.
    const stored = String(await server.command('GET', 'test::k'))
    await server.command('SET', 'test::k', stored.replace('first', 'other'), 'KEEPTTL')
    for (let i = 0; i < 4; i++) expect(await call()).toEqual({ rows: [{ tags: ['other'] }] })
    await server.command('SET', 'test::k', stored.slice(0, -3), 'KEEPTTL')
    expect(await call()).toEqual({ rows: [{ tags: ['first'] }] })
    expect(of('miss').at(-1)?.reason).toBe('unreadable')
  })
})
