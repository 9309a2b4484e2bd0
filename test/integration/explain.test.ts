import { CacheConfigError, commitScope, type Explanation, type StandardSchema } from 'cachewell'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { commandCounts, counting, makeGate, openCache, openReady } from './open-cache.ts'

const SECRET = 'a value that nobody must see'

function describeExplaining(name: string, urlOf: () => string, tier: 'memory' | 'redis'): void {
  describe(name, () => {
    let prefixes = 0
    const open = (options: object = {}) => openReady({ url: urlOf(), prefix: `explain-${++prefixes}`, ...options })
    const all: Explanation[] = []
    const kept = (explanation: Explanation) => {
      all.push(explanation)
      return explanation
    }

    const onceStored = async (look: () => Promise<Explanation>) => {
      await until(async () => (await look()).stored[0]?.kind === 'value')
      return look()
    }

    test('a miss, a hit, and what is stored', async () => {
      const { cache, events } = await open()
      const load = counting(async () => ({ text: SECRET }))
      const tags = (id: number) => [`org:${id}`, 'users']
      const options = { key: 'user:{0}', ttl: '1m', staleIfError: '5m', version: 3, tags } as const
      const call = cache.cached(async (_id: number) => load(), options)
      expect(kept(await cache.explain(call, [1]))).toEqual({
        ...{ name: 'user:', key: 'user:1', verdict: 'miss', reason: 'absent', why: 'nothing is stored' },
        ...{ stored: [], lease: undefined },
      })
      await call(1)
      await until(() => cache.stats().stores === 1)
      const before = events.length
      const hit = kept(await cache.explain(call, [1]))
      expect(hit).toMatchObject({ key: 'user:1', verdict: 'hit', reason: undefined, lease: undefined })
      expect(hit.stored).toHaveLength(1)
      expect(hit.stored[0]).toMatchObject({
        ...{ tier, kind: 'value', encoding: 'json', version: '3', expired: false },
        tags: [
          { tag: 'org:1', state: 'stands' },
          { tag: 'users', state: 'stands' },
        ],
      })
      const { ageMs = -1, freshForMs = 0, goneInMs = 0, bytes = 0 } = hit.stored[0] ?? {}
      expect(ageMs).toBeGreaterThanOrEqual(0)
      expect(freshForMs).toBeGreaterThan(30_000)
      expect(freshForMs).toBeLessThanOrEqual(60_000)
      expect(goneInMs).toBeGreaterThan(300_000)
      expect(goneInMs).toBeLessThanOrEqual(360_000)
      expect(bytes).toBeGreaterThan(SECRET.length)
      expect(`${hit}`).toContain('user:1: hit, since it is fresh\n')
      expect(`${hit}`).toMatch(/version 3\n {4}tag org:1: stands\n {4}tag users: stands\n {2}nobody is loading it$/)

      await cache.invalidateTags('org:1')
      const ended = kept(await cache.explain(call, [1]))
      expect(ended).toMatchObject({ verdict: 'miss', reason: 'tag' })
      expect(ended.stored[0]?.tags).toEqual([
        { tag: 'org:1', state: 'removed' },
        { tag: 'users', state: 'stands' },
      ])
      // By its key it is the same, and nothing has happened meanwhile.
      expect(kept(await cache.explain(['user', 1]))).toMatchObject({ name: undefined, verdict: 'miss', reason: 'tag' })
      expect(events.slice(before).filter(({ type }) => type !== 'invalidate')).toEqual([])
      expect(load.runs).toBe(1)
    })

    test('stale, expired, and of another version', async () => {
      const { cache } = await open()
      const declared = (options: object) =>
        cache.cached(async (_id: number) => SECRET, { key: 'user:{0}', ttl: '20ms', staleIfError: '5m', ...options })
      const call = declared({})
      await call(1)
      await until(async () => (await cache.explain(call, [1])).reason === 'stale')
      const spare = kept(await cache.explain(call, [1]))
      expect(spare).toMatchObject({ verdict: 'miss', stored: [{ kind: 'value' }] })
      expect(spare.stored[0]?.freshForMs).toBeLessThanOrEqual(0)
      const other = kept(await cache.explain(declared({ staleWhileRevalidate: '5m' }), [1]))
      expect(other).toMatchObject({ verdict: 'stale', reason: undefined })
      expect(await cache.explain(declared({ version: 'next' }), [1])).toMatchObject({ reason: 'version' })
      expect(await cache.explain(declared({ staleIfError: '1ms' }), [1])).toMatchObject({ reason: 'expired' })
      expect(await cache.explain('user:1')).toMatchObject({ verdict: 'miss', reason: 'expired' })
      await call.expire(1)
      expect((await cache.explain(call, [1])).stored[0]).toMatchObject({ expired: true })
    })

    test('who loads, and since when, without waiting for it', async () => {
      const [{ cache }, other] = [await open(), await open({ prefix: `explain-${prefixes}` })]
      const gate = makeGate()
      const load = counting(() => gate.opened.then(() => SECRET))
      const call = cache.cached(async (_id: number) => load(), { key: 'user:{0}', ttl: '1m' })
      const loading = call(1)
      await until(() => load.runs === 1)
      const leased = kept(await cache.explain(call, [1]))
      expect(leased).toMatchObject({ verdict: 'miss', reason: 'leased', stored: [{ tier, kind: 'lease' }] })
      expect(leased.lease).toMatchObject({ beside: false, awaitedHere: true })
      expect(leased.lease?.sinceMs).toBeGreaterThanOrEqual(0)
      expect(leased.lease?.standsForMs).toBeGreaterThan(0)
      expect(leased.lease?.standsForMs).toBeLessThanOrEqual(5_000)
      if (tier === 'redis') {
        expect((await other.cache.explain('user:1')).lease).toMatchObject({ beside: false, awaitedHere: false })
      }
      gate.open()
      await loading
      await until(async () => (await cache.explain(call, [1])).verdict === 'hit')
      expect((await cache.explain(call, [1])).lease).toBeUndefined()
      expect(load.runs).toBe(1)
    })

    test('who renews a value that is served meanwhile', async () => {
      const { cache } = await open()
      const gate = makeGate()
      const load = counting(async (run) => (run === 1 ? SECRET : gate.opened.then(() => SECRET)))
      const options = { key: 'user:{0}', ttl: '20ms', staleWhileRevalidate: '5m' } as const
      const call = cache.cached(async (_id: number) => load(), options)
      await call(1)
      await until(async () => (await cache.explain(call, [1])).verdict === 'stale')
      await call(1)
      await until(() => load.runs === 2)
      const renewed = kept(await cache.explain(call, [1]))
      expect(renewed).toMatchObject({ verdict: 'stale', lease: { beside: true, awaitedHere: true } })
      expect(`${renewed}`).toContain('being renewed since')
      gate.open()
    })

    test('why the cache is left out', async () => {
      const { cache } = await open()
      const bypassed = cache.cached(async (id: number) => id, { key: 'b:{0}', ttl: '1m', bypass: (id) => id === 1 })
      expect(await cache.explain(bypassed, [1])).toMatchObject({ verdict: 'bypass', reason: 'option', key: 'b:1' })
      expect(await cache.explain(bypassed, [2])).toMatchObject({ verdict: 'miss' })
      const unkeyable = cache.cached(async (_what: () => void) => 1, { key: 'u', ttl: '1m' })
      const none = kept(await cache.explain(unkeyable, [() => {}]))
      expect(none).toMatchObject({ verdict: 'bypass', reason: 'unkeyable', key: undefined, stored: [] })
      expect(`${none}`).toContain('a call of u: bypass (unkeyable), since it cannot be cached: ')
      const inScope = await commitScope(() => cache.explain(bypassed, [2]))
      expect(inScope).toMatchObject({ verdict: 'bypass', reason: 'uncommitted' })
    })

    test('what cannot be read, or does not fit its schema', async () => {
      const { cache } = await open()
      const schema: StandardSchema = {
        '~standard': {
          version: 1,
          vendor: 'test',
          validate: (value) =>
            value === 'fits' ? { value } : { issues: [{ message: 'nobody must see', path: ['a'] }] },
        },
      }
      const checked = cache.cached(async () => 'fits', { key: 'checked', ttl: '5m', schema })
      await checked()
      expect(await onceStored(() => cache.explain(checked, []))).toMatchObject({ verdict: 'hit' })
      await cache.set('checked', 'nobody must see', { ttl: '5m' })
      const misfit = kept(await cache.explain(checked, []))
      expect(misfit).toMatchObject({ verdict: 'miss', reason: 'invalid', why: 'it does not fit its schema at a' })
      expect(await cache.explain('checked')).toMatchObject({ verdict: 'hit' })

      const serializer = { serialize: () => 'nobody must see', deserialize: () => 'read' }
      const own = cache.cached(async () => 'own', { key: 'own', ttl: '5m', serializer })
      await own()
      expect(await onceStored(() => cache.explain(own, []))).toMatchObject({ verdict: 'hit' })
      const other = cache.cached(async () => 'other', { key: 'own', ttl: '5m' })
      expect(kept(await cache.explain(other, []))).toMatchObject({ verdict: 'miss', reason: 'unreadable' })
      expect(await cache.explain('own')).toMatchObject({ verdict: 'miss', reason: 'unreadable' })
    })

    test('what is no value, and what is not kept', async () => {
      const { cache } = await open()
      await cache.increment('n', 4_711, { ttl: '1m' })
      const counter = kept(await cache.explain('n'))
      expect(counter).toMatchObject({ verdict: 'miss', reason: 'foreign', stored: [{ tier, kind: 'counter' }] })
      expect(JSON.stringify(counter) + counter).not.toContain('4711')
      const call = cache.cached(async (_id: number) => null, { key: 'null:{0}', ttl: '1m' })
      await call(1)
      await until(async () => (await cache.explain(call, [1])).reason === 'passed')
    })

    test('mistakes are thrown', async () => {
      const { cache } = await open()
      await expect(cache.explain((async () => 1) as never, [] as never)).rejects.toThrow(CacheConfigError)
      await expect(cache.explain('')).rejects.toThrow(CacheConfigError)
      const call = cache.cached(async (id: number) => id, { key: 'mistakes', ttl: '5m' })
      await expect(cache.explain(call, 1 as never)).rejects.toThrow('as in explain(user, [42])')
      await expect(cache.explain(call, null as never)).rejects.toThrow('as in explain(user, [42])')
    })

    test('nowhere is a value in it', () => {
      expect(all.length).toBeGreaterThan(5)
      for (const explanation of all) expect(JSON.stringify(explanation) + explanation).not.toContain('nobody must see')
    })
  })
}

describeExplaining('explaining memory', () => 'memory:', 'memory')

test('explaining says that caching is off', async () => {
  const { cache } = openCache({ url: 'null:' })
  const call = cache.cached(async (id: number) => id, { key: 'k:{0}', ttl: '1m' })
  expect(await cache.explain(call, [1])).toMatchObject({ verdict: 'bypass', reason: 'disabled', stored: [] })
})

describeRedis('explaining Redis', () => {
  let redis: RedisServer
  let cluster: RedisCluster
  beforeAll(async () => {
    redis = await RedisServer.start()
    cluster = await RedisCluster.start()
  })
  afterAll(async () => {
    await redis[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
  })

  describeExplaining('one server', () => redis.url, 'redis')
  describeExplaining('a cluster', () => cluster.url, 'redis')

  test('it only reads, and leaves no near copy', async () => {
    const { cache } = await openReady({ url: redis.url, prefix: 'near', near: { maxStaleness: '10s' } })
    const call = cache.cached(async (_id: number) => 'value', { key: 'k:{0}', ttl: '1m', tags: ['t'] })
    await call(1)
    await until(() => cache.stats().stores === 1)
    await redis.command('CONFIG', 'RESETSTAT')
    expect((await cache.explain(call, [1])).stored.map(({ tier }) => tier)).toEqual(['redis'])
    expect((await cache.explain(call, [1])).stored.map(({ tier }) => tier)).toEqual(['redis'])
    const counts = await commandCounts(redis)
    const writes = Object.keys(counts).filter((name) => /^(set|evalsha|eval|del|unlink|pexpire)$/.test(name))
    expect(writes).toEqual([])
    await until(async () => {
      await call(1)
      return (await cache.explain(call, [1])).stored.length === 2
    })
    const { stored, verdict } = await cache.explain(call, [1])
    expect(verdict).toBe('hit')
    expect(stored.map(({ tier, kind }) => [tier, kind])).toEqual([
      ['near', 'value'],
      ['redis', 'value'],
    ])
  })

  test('a near copy that calls are served while the store does not answer', async () => {
    const options = {
      url: redis.url,
      prefix: 'near-alone',
      near: { maxStaleness: '30s' },
      commandTimeout: '100ms',
    } as const
    const { cache, of } = await openReady(options)
    const call = cache.cached(async (_id: number) => ({ text: 'value' }), { key: 'k:{0}', ttl: '1m' })
    // Served, it has been parsed.
    await until(async () => {
      await call(1)
      return of('hit').some(({ tier }) => tier === 'near')
    })
    await redis.command('CLIENT', 'PAUSE', '400', 'ALL')
    const { verdict, stored } = await cache.explain(call, [1])
    expect(verdict).toBe('hit')
    expect(stored.map(({ tier }) => tier)).toEqual(['near'])
  })

  test('a compressed value, in its size as it is stored', async () => {
    const { cache } = await openReady({ url: redis.url, prefix: 'large', compression: { above: 1_000 } })
    await until(() => cache.set('text', 'x'.repeat(50_000), { ttl: '1m' }))
    const [entry] = (await cache.explain('text')).stored
    expect(entry).toMatchObject({ compression: 'gzip', encoding: 'json' })
    expect(entry?.bytes).toBeLessThan(1_000)
  })

  test('what is in the memory of a function of that tier is found by its key, too', async () => {
    const { cache } = await openReady({ url: redis.url, prefix: 'tiers' })
    const call = cache.cached(async (id: number) => id, { key: 'm:{0}', ttl: '1m', tier: 'memory' })
    await call(1)
    await until(async () => (await cache.explain(call, [1])).verdict === 'hit')
    expect(await cache.explain(['m', 1])).toMatchObject({ verdict: 'hit', stored: [{ tier: 'memory' }] })
  })

  test('Redis is away', async () => {
    const gone = await RedisServer.start()
    const { cache, of } = openCache({ url: gone.url, prefix: 'away' })
    const call = cache.cached(async (id: number) => id, { key: 'k:{0}', ttl: '1m' })
    await until(() => cache.set('k:1', 1, { ttl: '5m' }))
    await gone.kill()
    await until(() => of('connection').some(({ state }) => state === 'lost'))
    const away = await cache.explain(call, [1])
    expect(away).toMatchObject({ verdict: 'miss', reason: 'unavailable', stored: [], lease: undefined })
    expect(`${away}`).toContain('away')
    await gone[Symbol.asyncDispose]()
  })
})
