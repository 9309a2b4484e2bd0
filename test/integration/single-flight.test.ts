import { Readable } from 'node:stream'
import type { CacheOptions } from 'cachewell'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { likelyPort } from '../support/likely-port.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { testWhere } from '../support/test-where.ts'
import { until } from '../support/until.ts'
import { counting, makeGate, openCache, openReady } from './open-cache.ts'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** @param stores - false where nothing can be stored, so that nothing proves a load in flight to be fresh for later callers */
function describeSingleFlight(name: string, urlOf: () => string, stores = true): void {
  describe(name, () => {
    const open = (more?: CacheOptions) => {
      const options = { url: urlOf(), prefix: `sf-${Math.random().toString(36).slice(2)}`, ...more }
      return stores ? openReady(options) : openCache(options)
    }

    test('a thousand callers, one load', async () => {
      const { cache } = await open()
      const load = counting(async (run) => {
        await pause(20)
        return { run }
      })
      const call = cache.cached(load, { key: 'k', ttl: 60 })
      const values = await Promise.all(Array.from({ length: 1_000 }, () => call()))
      expect(load.runs).toBe(1)
      expect(values.every(({ run }) => run === 1)).toBe(true)
      expect(new Set(values).size).toBe(1_000)
      expect(cache.stats()).toMatchObject({ misses: 1_000, collapsed: 999 })
    })

    testWhere(stores)('callers that come at any time of the load join it', async () => {
      const { cache } = await open()
      const load = counting(async (run) => {
        await pause(30)
        return run
      })
      const call = cache.cached(load, { key: 'k', ttl: 60 })
      const calls: Promise<number>[] = []
      for (let i = 0; i < 60; i++) {
        calls.push(call())
        await pause(1)
      }
      expect(new Set(await Promise.all(calls))).toEqual(new Set([1]))
    })

    const kinds: [string, object][] = [
      ['stored', { key: 'k', ttl: 60 }],
      ['not to be stored', { key: 'k', ttl: 60, cacheIf: () => false }],
    ]
    test.each(kinds)('what a caller does to its result (%s) changes nobody else’s', async (_what, options) => {
      const { cache } = await open()
      const call = cache.cached(
        async () => {
          await pause(5)
          return { list: [1, 2, 3], at: new Date(0) }
        },
        options as { key: 'k'; ttl: 60 },
      )
      const spoil = async () => {
        const value = await call()
        const seen = structuredClone(value)
        value.list.length = 0
        value.at.setTime(1)
        return seen
      }
      const seen = await Promise.all(Array.from({ length: 50 }, spoil))
      for (const value of [...seen, await call()]) expect(value).toEqual({ list: [1, 2, 3], at: new Date(0) })
    })

    test('what a caller does to a result too large to be stored changes nobody else’s', async () => {
      const { cache } = await open({ maxValueBytes: 100 })
      const call = cache.cached(async () => ({ text: 'x'.repeat(1_000) }), { key: 'k', ttl: 60 })
      const spoil = async () => {
        const value = await call()
        const { length } = value.text
        value.text = ''
        return length
      }
      expect(new Set(await Promise.all(Array.from({ length: 50 }, spoil)))).toEqual(new Set([1_000]))
    })

    class Money {
      constructor(readonly cents: number) {}
      get euros() {
        return this.cents / 100
      }
    }
    test.each<[string, () => object]>([
      ['a Response', () => new Response('body')],
      ['a stream', () => Readable.from(['chunk'])],
      ['an async generator', () => (async function* () {})()],
      ['a class instance', () => new Money(5)],
      ['something with a class instance in it', () => ({ price: new Money(5) })],
      ['a function', () => () => 1],
      ['an object with a method', () => ({ close() {} })],
    ])('%s is never shared or stored: every caller has its own', async (_what, make) => {
      const { cache, of } = await open()
      const load = counting(async () => {
        await pause(2)
        return make()
      })
      const call = cache.cached(load, { key: 'k', ttl: 60 })
      const values = await Promise.all(Array.from({ length: 10 }, () => call()))
      expect(new Set(values).size).toBe(10)
      expect(load.runs).toBe(10)
      for (const value of values) expect(value.constructor).toBe(make().constructor)
      await until(() => of('store').length > 0)
      expect(of('store').every(({ stored }) => !stored)).toBe(true)
      expect(of('notice')).toMatchObject([{ code: 'unstorable' }])
    })

    test('a load that fails fails for all who joined it, at once and with the same error', async () => {
      const { cache } = await open()
      const error = new Error('the database is down')
      const load = counting(async (): Promise<number> => {
        await pause(50)
        throw error
      })
      const call = cache.cached(load, { key: 'k', ttl: 60 })
      const began = performance.now()
      const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => call()))
      expect(performance.now() - began).toBeLessThan(1_000)
      expect(load.runs).toBe(1)
      for (const outcome of outcomes) expect((outcome as PromiseRejectedResult).reason).toBe(error)
      // Nothing of it is kept.
      await expect(call()).rejects.toBe(error)
      expect(load.runs).toBe(2)
    })

    testWhere(stores)('a function that throws before it returns a promise fails likewise', async () => {
      const { cache } = await open()
      let runs = 0
      const call = cache.cached(
        (): Promise<string> => {
          if (++runs === 1) throw new RangeError('at once')
          return Promise.resolve('fine')
        },
        { key: 'k', ttl: 60 },
      )
      const outcomes = await Promise.allSettled([call(), call(), call()])
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
      expect(runs).toBe(1)
      expect(await call()).toBe('fine')
      expect(await call()).toBe('fine')
      expect(runs).toBe(2)
    })

    test('errors come as they are: not even wrapped, and also when they are no Errors', async () => {
      const { cache } = await open()
      for (const thrown of [undefined, null, 0, 'text', { code: 1 }, new AggregateError([])]) {
        const call = cache.cached(() => Promise.reject(thrown), { key: 'k', ttl: 60 })
        expect(
          await call().then(
            () => 'no',
            (error) => ({ error }),
          ),
        ).toEqual({ error: thrown })
      }
    })

    test('undefined and null are for all who asked, and are loaded again by the next', async () => {
      const { cache } = await open()
      for (const nothing of [undefined, null]) {
        const load = counting(async () => {
          await pause(5)
          return nothing
        })
        const call = cache.cached(load, { key: `k${nothing}`, ttl: 60 })
        expect(new Set(await Promise.all([call(), call(), call()]))).toEqual(new Set([nothing]))
        expect(load.runs).toBe(1)
        expect(await call()).toBe(nothing)
        expect(load.runs).toBe(2)
      }
    })

    testWhere(stores)('the caller does not wait for the store', async () => {
      const { cache, of } = await open()
      const call = cache.cached(counting(), { key: 'k', ttl: 60 })
      await call('warm')
      await until(() => of('store').length === 1)
      const order: string[] = []
      cache.on((event) => {
        if (event.type === 'store') order.push('stored')
      })
      await call('cold')
      order.push('answered')
      await until(() => order.length === 2)
      expect(order).toContain('stored')
      expect(await call('cold')).toBe(2)
    })

    test('calls of different keys do not wait for each other', async () => {
      const { cache } = await open()
      const gate = makeGate()
      const call = cache.cached(async (name: string) => (name === 'slow' ? gate.opened.then(() => name) : name), {
        key: 'k',
        ttl: 60,
      })
      const slow = call('slow')
      expect(await call('quick')).toBe('quick')
      gate.open()
      expect(await slow).toBe('slow')
    })
  })
}

describeSingleFlight('single flight in memory', () => 'memory:')
describeSingleFlight('single flight without Redis', () => `redis://127.0.0.1:${likelyPort()}`, false)

describeRedis('single flight over Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  beforeEach(() => server.command('FLUSHALL') as Promise<never>)

  describeSingleFlight('in one process', () => server.url)

  test('an acquire that is answered "value" serves that value', async () => {
    const here = await openReady({ url: server.url })
    const there = await openReady({ url: server.url })
    await Promise.all([here.cache.get('warm'), there.cache.get('warm')])
    const load = counting(async (run) => ({ run }))
    // Both read before either has stored.
    const calls = [here, there].map(({ cache }) => cache.cached(load, { key: 'k', ttl: 60 })())
    const values = await Promise.all(calls)
    for (const { run } of values) expect(run).toBeLessThanOrEqual(2)
    await until(async () => (await here.cache.get('k')) !== undefined)
    expect(await there.cache.get('k')).toEqual(await here.cache.get('k'))
  })

  test('a read that has seen the lease of a load of our own, and is told only when that has landed, begins again', async () => {
    const firstRead = makeGate()
    const stored = makeGate()
    let reads = 0
    const given = new Redis(server.url, { lazyConnect: true })
    const client = {
      options: given.options,
      defineCommand: given.defineCommand.bind(given),
      duplicate(options: object) {
        const ours = given.duplicate(options)
        const get = ours.getBuffer.bind(ours)
        return Object.assign(ours, {
          async getBuffer(key: string) {
            if (!key.endsWith('::k')) return get(key)
            const read = ++reads
            if (read === 1) await firstRead.opened
            if (read !== 2) return get(key)
            await until(() => load.runs === 1)
            const lease = await get(key)
            loaded.open()
            await stored.opened
            return lease
          },
        })
      },
    }
    const { cache } = await openReady({ client })
    cache.on((event) => {
      if (event.type === 'store') setImmediate(stored.open)
    })
    const loaded = makeGate()
    const load = counting(async (run) => loaded.opened.then(() => run))
    const call = cache.cached(load, { key: 'k', ttl: 60 })
    const first = call()
    await until(() => reads === 1)
    const second = call()
    await until(() => reads === 2)
    firstRead.open()
    expect(await Promise.all([first, second])).toEqual([1, 1])
    expect(load.runs).toBe(1)
  })

  test('loads that are not nested do not know of each other, however they were started', async () => {
    const { cache, of } = await openReady({ url: server.url })
    const first = cache.cached(
      async () => {
        // A background job that outlives the load, as a pool or a poller would.
        setTimeout(() => void second().then(() => first()), 5)
        return 1
      },
      { key: 'first', ttl: 60 },
    )
    const second = cache.cached(counting(), { key: 'second', ttl: 60 })
    await first()
    await until(() => of('hit').length > 0)
    expect(of('bypass')).toEqual([])
  })
})
