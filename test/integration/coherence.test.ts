import { type Cache, Cached } from 'cachewell'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { likelyPort } from '../support/likely-port.ts'
import { late, within } from '../support/real-time.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { counting, type Gate, makeGate, openCache, openReady } from './open-cache.ts'

/** A load for each run that lasts until its gate opens; the value is what the source held when it began. */
function gatedSource(cache: Cache, key = 'k') {
  const source = { value: 'old' }
  const gates: Gate[] = []
  const load = async () => {
    const seen = source.value
    const gate = makeGate()
    gates.push(gate)
    await gate.opened
    return seen
  }
  const call = cache.cached(load, { key, ttl: 60 })
  return {
    source,
    gates,
    call,
    /** Starts a call and waits until its load is under way. */
    async begin(count = gates.length + 1) {
      const result = call()
      await until(() => gates.length >= count, { label: `load ${count}` })
      return { result }
    },
    /** From now on loads end at once. */
    openAll() {
      for (const gate of gates) gate.open()
      gates.push = (...more) => {
        for (const gate of more) gate.open()
        return 0
      }
    },
  }
}

function describeCoherence(name: string, urlOf: () => string): void {
  describe(name, () => {
    const removals: [string, (cache: Cache) => Promise<unknown>][] = [
      ['its key', (cache) => cache.invalidate('k')],
      ['a pattern', (cache) => cache.invalidate('k*')],
      ['everything', (cache) => cache.invalidate('*')],
      ['delete', (cache) => cache.delete('k')],
    ]

    test.each(removals)(
      'invalidated by %s during a load, the old value is neither stored nor served',
      async (_by, remove) => {
        const { cache, of } = await openReady({ url: urlOf(), prefix: `c-${Math.random().toString(36).slice(2)}` })
        const { source, gates, call, begin, openAll } = gatedSource(cache)
        const first = await begin()
        const alsoBefore = call()
        source.value = 'new'
        await remove(cache)
        const later = [call(), call(), call()]
        openAll()
        // Who asked before the invalidation has an answer, old or new; who asked after it has the new one.
        expect(await first.result).toBe('old')
        expect(['old', 'new']).toContain(await alsoBefore)
        expect(await Promise.all(later)).toEqual(['new', 'new', 'new'])
        expect(await call()).toBe('new')
        expect(gates).toHaveLength(1)
        expect(of('store').filter(({ reason }) => reason === 'superseded')).toHaveLength(1)
        await until(async () => (await cache.get('k')) === 'new')
      },
    )

    test('an answer does not wait for a second load because of an invalidation', async () => {
      const { cache } = await openReady({ url: urlOf(), prefix: `c-${Math.random().toString(36).slice(2)}` })
      const { gates, begin } = gatedSource(cache)
      const { result } = await begin()
      await cache.invalidate('k')
      gates[0]?.open()
      expect(await within(result, 2_000)).toBe('old')
    })

    test('set and delete win over a load that began before', async () => {
      const { cache } = await openReady({ url: urlOf(), prefix: `c-${Math.random().toString(36).slice(2)}` })
      const { call, begin, openAll } = gatedSource(cache)
      const { result } = await begin()
      expect(await cache.set('k', 'set', { ttl: 60 })).toBe(true)
      const later = call()
      openAll()
      expect(await result).toBe('old')
      expect(await later).toBe('set')
      expect(await call()).toBe('set')
      expect(await call.set([], 'by the function')).toBe(true)
      expect(await call()).toBe('by the function')
      expect(await cache.delete('k')).toBe(true)
      expect(await cache.get('k')).toBeUndefined()
    })

    test('refresh: loads anew, whatever is stored or under way', async () => {
      const { cache } = await openReady({ url: urlOf(), prefix: `c-${Math.random().toString(36).slice(2)}` })
      const { source, call, begin, openAll } = gatedSource(cache)
      const { result } = await begin()
      source.value = 'new'
      const refreshed = call.refresh()
      openAll()
      expect(await result).toBe('old')
      expect(await refreshed).toBe('new')
      await until(async () => (await call.peek()) === 'new', { label: 'the refreshed value' })
      source.value = 'newest'
      expect(await call()).toBe('new')
      expect(await call.refresh()).toBe('newest')
      await until(async () => (await call()) === 'newest')
    })

    test('a refresh that is overtaken by an invalidation stores nothing', async () => {
      const { cache } = await openReady({ url: urlOf(), prefix: `c-${Math.random().toString(36).slice(2)}` })
      const gate = makeGate()
      let value = 'stored'
      const call = cache.cached(
        async () => {
          const seen = value
          if (seen === 'stale') await gate.opened
          return seen
        },
        { key: 'k', ttl: 60 },
      )
      await call()
      await until(async () => (await call.peek()) === 'stored')
      value = 'stale'
      const refreshing = call.refresh()
      value = 'fresh'
      await cache.invalidate('k')
      gate.open()
      expect(['stale', 'fresh']).toContain(await refreshing)
      expect(await call()).toBe('fresh')
    })

    test('many writers and readers: nobody reads what was invalidated before they asked', async () => {
      const { cache } = await openReady({ url: urlOf(), prefix: `c-${Math.random().toString(36).slice(2)}` })
      const versions = [0, 0, 0]
      const call = cache.cached(
        async (i: number) => {
          const seen = versions[i] as number
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 4))
          return seen
        },
        { key: 'race', ttl: 60 },
      )
      const invalidated = [0, 0, 0]
      const stale: string[] = []
      let reads = 0
      let writing = true
      const reader = async () => {
        while (writing) {
          const i = Math.floor(Math.random() * 3)
          const atLeast = invalidated[i] as number
          const value = await call(i)
          if (value < atLeast) stale.push(`read ${value} after ${atLeast} was invalidated`)
          reads++
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
      const readers = Array.from({ length: 20 }, reader)
      for (let n = 1; n <= 120; n++) {
        const i = n % 3
        versions[i] = n
        await cache.invalidate(n % 2 ? ['race', i] : `race:${i}*`)
        invalidated[i] = n
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 3))
      }
      writing = false
      await Promise.all(readers)
      expect(stale).toEqual([])
      expect(reads).toBeGreaterThan(200)
    })

    test('a load that calls its own key runs through', async () => {
      const { cache, of } = await openReady({ url: urlOf(), prefix: `c-${Math.random().toString(36).slice(2)}` })
      let depth = 0
      const call: () => Promise<number> = cache.cached(async () => (depth++ < 3 ? (await call()) + 1 : 100), {
        key: 'self',
        ttl: 60,
      })
      expect(await within(call(), 3_000)).toBe(103)
      expect(of('bypass').map(({ reason }) => reason)).toEqual(['reentrant', 'reentrant', 'reentrant'])
      await until(async () => (await cache.get('self')) === 103)
    })

    test('an override that calls super under the same key runs through', async () => {
      const { cache } = await openReady({ url: urlOf(), prefix: `c-${Math.random().toString(36).slice(2)}` })
      class Base {
        @cache.Cached({ key: 'page:{0}', ttl: 60 })
        async page(id: number): Promise<string> {
          return `base ${id}`
        }
      }
      class Derived extends Base {
        @cache.Cached({ key: 'page:{0}', ttl: 60 })
        override async page(id: number): Promise<string> {
          return `derived of ${await super.page(id)}`
        }
      }
      expect(await within(new Derived().page(1), 3_000)).toBe('derived of base 1')
      await until(async () => (await cache.get('page:1')) === 'derived of base 1')
    })

    test('loads that call each other do not wait for each other', async () => {
      const { cache } = await openReady({ url: urlOf(), prefix: `c-${Math.random().toString(36).slice(2)}` })
      const both = makeGate()
      let started = 0
      const meet = () => {
        if (++started === 2) both.open()
        return both.opened
      }
      const a: (top: boolean) => Promise<string> = cache.cached(
        async (top: boolean) => {
          if (!top) return 'a'
          await meet()
          return `a(${await b(false)})`
        },
        { key: () => 'a', ttl: 60 },
      )
      const b: (top: boolean) => Promise<string> = cache.cached(
        async (top: boolean) => {
          if (!top) return 'b'
          await meet()
          return `b(${await a(false)})`
        },
        { key: () => 'b', ttl: 60 },
      )
      const results = await within(Promise.all([a(true), b(true)]), 3_000)
      if (results === late) throw new Error('they wait for each other')
      expect(results.every((text) => /^[ab]\(/.test(text))).toBe(true)
    })

    test('loads in a ring, each through another function, do not wait for each other', async () => {
      const { cache } = await openReady({ url: urlOf(), prefix: `c-${Math.random().toString(36).slice(2)}` })
      const all = makeGate()
      let started = 0
      const ring: ((top: boolean) => Promise<number>)[] = [0, 1, 2, 3].map((i) =>
        cache.cached(
          async (top: boolean): Promise<number> => {
            if (!top) return i
            if (++started === 4) all.open()
            await all.opened
            return (ring[(i + 1) % 4] as (top: boolean) => Promise<number>)(false)
          },
          { key: () => `ring:${i}`, ttl: 60 },
        ),
      )
      expect(await within(Promise.all(ring.map((call) => call(true))), 3_000)).not.toBe(late)
    })

    test('a load may call others, also ones that many wait for', async () => {
      const { cache } = await openReady({ url: urlOf(), prefix: `c-${Math.random().toString(36).slice(2)}` })
      const leaf = counting()
      const shared = cache.cached(leaf, { key: 'leaf', ttl: 60 })
      const page = cache.cached(async (i: number) => ({ i, leaf: await shared() }), { key: 'page', ttl: 60 })
      const pages = await within(Promise.all(Array.from({ length: 30 }, (_, i) => page(i))), 3_000)
      expect(pages).toEqual(Array.from({ length: 30 }, (_, i) => ({ i, leaf: 1 })))
      expect(leaf.runs).toBe(1)
    })
  })
}

describeCoherence('coherence in memory', () => 'memory:')

describeRedis('coherence over Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  beforeEach(() => server.command('FLUSHALL') as Promise<never>)

  describeCoherence('in one process', () => server.url)

  describe('between two caches', () => {
    test.each([
      ['a key', 'k'],
      ['a pattern', 'k*'],
    ])('invalidated by %s over there, the load here is not stored', async (_by, target) => {
      const here = await openReady({ url: server.url })
      const there = await openReady({ url: server.url })
      const { source, call, begin, openAll } = gatedSource(here.cache)
      const other = gatedSource(there.cache)
      other.openAll()
      const { result } = await begin()
      source.value = other.source.value = 'new'
      expect(await there.cache.invalidate(target)).toEqual({ removed: 1, deferred: false })
      const later = call()
      const overThere = other.call()
      openAll()
      expect(await result).toBe('old')
      // Joining the doomed load would have been the old value, too.
      expect(await later).toBe('new')
      expect(await overThere).toBe('new')
      expect(await there.cache.get('k')).toBe('new')
    })

    test('what one has loaded the other is served', async () => {
      const here = await openReady({ url: server.url })
      const there = await openReady({ url: server.url })
      const load = counting()
      const options = { key: 'shared', ttl: 60 } as const
      expect(await here.cache.cached(load, options)()).toBe(1)
      await until(() => here.of('store').length === 1)
      expect(await there.cache.cached(load, options)()).toBe(1)
      expect(load.runs).toBe(1)
    })

    test('a lease that its holder lost to a crash is taken over when it has expired', async () => {
      const { cache, of } = await openReady({ url: server.url })
      const dead = await openReady({ url: server.url })
      const { begin, openAll } = gatedSource(dead.cache)
      const { result } = await begin()
      const call = cache.cached(counting(), { key: 'k', ttl: 60 })
      expect(await call()).toBe(1)
      expect(of('miss').map(({ reason }) => reason)).toEqual(['leased'])
      // As five seconds without a renewal would.
      await server.command('PEXPIRE', 'test::k', '1')
      await until(async () => (await server.command('EXISTS', 'test::k')) === 0)
      expect(await call()).toBe(2)
      await until(() => of('store').some(({ stored }) => stored))
      openAll()
      expect(await result).toBe('old')
      await until(() => dead.of('store').length === 1)
      expect(dead.of('store')).toMatchObject([{ stored: false, reason: 'superseded' }])
      expect(await call()).toBe(2)
    })

    test('a load that takes longer than a lease keeps its lease', async () => {
      const { cache, of } = await openReady({ url: server.url })
      const { begin, openAll } = gatedSource(cache)
      const { result } = await begin()
      await server.command('PEXPIRE', 'test::k', '4000')
      await until(async () => Number(await server.command('PTTL', 'test::k')) > 4_000, { label: 'the renewal' })
      openAll()
      expect(await result).toBe('old')
      await until(() => of('store').length === 1)
      expect(of('store')).toMatchObject([{ stored: true }])
    })
  })
})

test('a load in flight while Redis is away is shared by those who came before it', async () => {
  const { cache } = openCache({ url: `redis://127.0.0.1:${likelyPort()}` })
  const load = counting(async (run) => {
    await new Promise((resolve) => setTimeout(resolve, 30))
    return run
  })
  const call = cache.cached(load, { key: 'k', ttl: 60 })
  await call()
  const values = await Promise.all(Array.from({ length: 100 }, () => call()))
  expect(new Set(values)).toEqual(new Set([2]))
})

test('the default cache serves decorators that were declared before it was configured', async () => {
  const { configureCache, invalidate } = await import('cachewell')
  class Service {
    runs = 0
    @Cached({ key: 'service:{0}', ttl: 60 })
    async get(_id: number): Promise<number> {
      return ++this.runs
    }
  }
  configureCache({ url: 'memory:', prefix: 'default', logger: false })
  const service = new Service()
  expect([await service.get(1), await service.get(1), await service.get(2)]).toEqual([1, 1, 2])
  expect(await invalidate('service:*')).toEqual({ removed: 2, deferred: false })
  expect(await service.get(1)).toBe(3)
})
