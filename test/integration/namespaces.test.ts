import { type CacheOptions, createCache } from 'cachewell'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HandClock } from '../../src/testing/hand-clock.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { counting, openReady } from './open-cache.ts'

const memory = (options: CacheOptions = {}) => createCache({ url: 'memory:', logger: false, ...options })

function describeNamespaces(kind: string, options: () => CacheOptions): void {
  describe(`namespaces, ${kind}`, () => {
    const open = (more: CacheOptions = {}) =>
      openReady({ prefix: `n-${Math.random().toString(36).slice(2)}`, ...options(), ...more })

    test('have keys of their own, which are removed together', async () => {
      const { cache, of } = await open()
      const [billing, search] = [cache.namespace('billing'), cache.namespace('search')]
      const eu = billing.namespace('eu')
      const all = { cache, billing, search, eu }
      const fns = Object.entries(all).map(([name, part]) =>
        part.cached(
          counting((run) => `${name} ${run}`),
          { key: 'find', ttl: '1m' },
        ),
      )
      const ask = async () => Promise.all(fns.map((fn) => fn(1)))
      expect(await ask()).toEqual(['cache 1', 'billing 1', 'search 1', 'eu 1'])
      expect(await ask()).toEqual(['cache 1', 'billing 1', 'search 1', 'eu 1'])
      for (const [name, part] of Object.entries(all)) await part.set('k', name, { ttl: '1m' })
      for (const [name, part] of Object.entries(all)) expect(await part.get('k')).toBe(name)
      expect(await eu.invalidate('find:*')).toEqual({ removed: 1, deferred: false })
      expect(await ask()).toEqual(['cache 1', 'billing 1', 'search 1', 'eu 2'])
      expect(await billing.invalidate('*')).toEqual({ removed: 4, deferred: false })
      expect(await ask()).toEqual(['cache 1', 'billing 2', 'search 1', 'eu 3'])
      expect(await search.invalidate('find:1')).toEqual({ removed: 1, deferred: false })
      expect(await fns[1]?.invalidate(1)).toEqual({ removed: 1, deferred: false })
      expect(await ask()).toEqual(['cache 1', 'billing 3', 'search 2', 'eu 3'])
      expect(await cache.invalidate('*')).toMatchObject({ deferred: false })
      expect(await ask()).toEqual(['cache 2', 'billing 4', 'search 3', 'eu 4'])
      expect(new Set(of('miss').map(({ name }) => name))).toEqual(
        new Set(['find', 'billing^find', 'search^find', 'billing^eu^find']),
      )
      expect(cache.stats().misses).toBe(billing.stats().misses)
    })

    test('are not reached by a key that spells one', async () => {
      const { cache } = await open()
      const billing = cache.namespace('billing')
      await billing.set('k', 'of billing', { ttl: '1m' })
      const spelled = cache.cached(async (key: string) => `loaded for ${key}`, { key: (key) => key, ttl: '1m' })
      for (const key of ['billing^k', 'billing^^k', '^billing^k']) {
        expect(await cache.get(key)).toBeUndefined()
        for (let i = 0; i < 2; i++) expect(await spelled(key)).toBe(`loaded for ${key}`)
        expect(await cache.delete(key)).toBe(true)
      }
      expect(await billing.get('k')).toBe('of billing')
    })

    test('share the tags of their cache', async () => {
      const { cache } = await open()
      const billing = cache.namespace('billing')
      const fn = billing.cached(counting(), { key: 'find', ttl: '1m', tags: ['org'] })
      expect([await fn(), await fn()]).toEqual([1, 1])
      await cache.invalidateTags('org')
      expect(await fn()).toBe(2)
      await billing.invalidateTags('org')
      expect(await fn()).toBe(3)
    })

    test('of a tenant are within the tenant', async () => {
      let tenant = 'acme'
      const { cache } = await open({ tenant: () => tenant })
      const billing = cache.namespace('billing')
      const fn = billing.cached(counting(), { key: 'find', ttl: '1m' })
      expect([await fn(), await fn()]).toEqual([1, 1])
      tenant = 'globex'
      expect(await fn()).toBe(2)
      expect(await billing.invalidate('*')).toEqual({ removed: 1, deferred: false })
      tenant = 'acme'
      expect(await fn()).toBe(1)
      expect(await cache.tenant('acme').namespace('billing').invalidate('*')).toEqual({ removed: 1, deferred: false })
      expect(await fn()).toBe(3)
      expect(await billing.tenant('acme').invalidate('*')).toEqual({ removed: 1, deferred: false })
      expect(await fn()).toBe(4)
      expect(await cache.tenant('acme').invalidate('*')).toEqual({ removed: 1, deferred: false })
      expect(await fn()).toBe(5)
    })

    test('a version of a cache or a namespace makes misses of what has another, also of what was set by key', async () => {
      const prefix = `v-${Math.random().toString(36).slice(2)}`
      const runs = counting()
      const versions = [
        {},
        { cache: '1' },
        { cache: '2' },
        { namespace: '1' },
        { cache: '1', namespace: '1' },
        { cache: '1', own: '1' },
        { own: '1' },
      ]
      // A memory is one cache's own: there, that what is stored is read again is all there is to see.
      let expected = 0
      for (const { cache: version, namespace, own } of versions) {
        const { cache } = await open({ prefix, version })
        const part = cache.namespace('part', { version: namespace })
        const fn = part.cached(runs, { key: 'find', ttl: '1m', version: own })
        expected++
        expect([await fn(), await fn()]).toEqual([expected, expected])
        if (own === undefined) expect(await part.get('find')).toBe(expected)
        expect(await part.get('k')).toBeUndefined()
        if (version ?? namespace) {
          await part.set('k', 'set', { ttl: '1m' })
          expect(await part.get('k')).toBe('set')
        }
      }
    })
  })
}

describeNamespaces('in memory', () => ({ url: 'memory:' }))

test('nobody listening, a key that spells a place in a namespace or of a tenant does not find what is there', async () => {
  const cache = memory()
  await cache.namespace('billing').set('k', 'of billing', { ttl: '1m' })
  await cache.tenant('acme').set('k', 'of acme', { ttl: '1m' })
  const spelled = cache.cached(async (key: string) => `loaded for ${key}`, { key: (key) => key, ttl: '1m' })
  for (const key of ['billing^k', '^acme:k']) {
    for (let i = 0; i < 2; i++) expect(await spelled(key)).toBe(`loaded for ${key}`)
  }
  expect(cache.stats()).toMatchObject({ hits: 2, misses: 2 })
  await cache.close()
})

describe('defaults', () => {
  test('of a cache hold for its functions, those of a namespace over them, and a function says otherwise', async () => {
    const clock = new HandClock()
    const cache = memory({ clock, defaults: { staleIfError: '1h', nullTtl: '1m' } })
    const part = cache.namespace('part', { staleIfError: '2m' })
    const failing = () => {
      let ran = false
      return async () => {
        if (ran) throw new Error('down')
        ran = true
        return null
      }
    }
    const byCache = cache.cached(failing(), { key: 'a', ttl: '1m' })
    const byPart = part.cached(failing(), { key: 'a', ttl: '1m' })
    const byInner = part.namespace('inner').cached(failing(), { key: 'a', ttl: '1m' })
    const byItself = part.cached(failing(), { key: 'b', ttl: '1m', staleIfError: '1s' })
    for (const fn of [byCache, byPart, byInner, byItself]) expect(await fn()).toBeNull()
    clock.advance(90_000)
    for (const fn of [byCache, byPart, byInner]) expect(await fn()).toBeNull()
    await expect(byItself()).rejects.toThrow('down')
    clock.advance(120_000)
    expect(await byCache()).toBeNull()
    await expect(byPart()).rejects.toThrow('down')
    await expect(byInner()).rejects.toThrow('down')
    await cache.close()
  })

  test('hold for decorated methods, which keep their names', async () => {
    const cache = memory({ defaults: { nullTtl: '1m' } })
    const part = cache.namespace('part')
    let runs = 0
    class Found {
      @part.Cached({ ttl: '1m' })
      async nothing() {
        runs++
        return null
      }
    }
    const names: string[] = []
    cache.on((event) => {
      if (event.type === 'miss' || event.type === 'hit') names.push(`${event.type} ${event.key}`)
    })
    expect([await new Found().nothing(), await new Found().nothing()]).toEqual([null, null])
    expect(runs).toBe(1)
    expect(names).toEqual(['miss part^Found.nothing', 'hit part^Found.nothing'])
    await cache.close()
  })

  test('that make no sense are refused where they are written', () => {
    const bad = (defaults: object) => () => memory({ defaults: defaults as never })
    expect(bad({ jitter: 2 })).toThrow('createCache: defaults: jitter')
    expect(bad({ ttl: '5m' })).toThrow("createCache: defaults has no option 'ttl'")
    expect(bad({ softTimeout: '1s' })).toThrow('needs staleIfError')
    expect(bad([])).toThrow('takes an object of options')
    const cache = memory({ defaults: { staleIfError: '1h', hardTimeout: '2s' } })
    expect(() => cache.namespace('part', { staleIfErr: 1 } as never)).toThrow("namespace('part') has no option")
    expect(() => cache.namespace('part', { softTimeout: '3s' })).toThrow('softTimeout must be shorter')
    expect(() => cache.namespace('part', { version: 'a b' })).toThrow('version must be')
    expect(() => cache.cached(async () => 1, { key: 'x', ttl: 1, softTimeout: '3s' })).not.toThrow(/needs/)
  })

  test('and names of namespaces are checked', () => {
    const cache = memory()
    for (const bad of ['', 'a:b', 'a^b', '*', 'a b', 'é', 'x'.repeat(61), undefined, 1, 1n]) {
      expect(() => cache.namespace(bad as never)).toThrow('a namespace is a word')
    }
    const find = async () => 1
    const other = { find: async () => 2 }.find
    cache.namespace('a').cached(find, { ttl: 1 })
    cache.namespace('b').cached(other, { ttl: 1 })
    cache.namespace('a').cached(find, { ttl: 1 })
    expect(() => cache.namespace('a').cached(other, { ttl: 1 })).toThrow("as in key: 'find'")
    expect('close' in cache.namespace('a')).toBe(false)
  })
})

describeRedis('namespaces and versions', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stop())

  describeNamespaces('in Redis', () => ({ url: server.url }))
  describeNamespaces('in Redis, with near copies', () => ({ url: server.url, near: true }))

  test('blue and green side by side never read each other, and both go on; invalidation reaches both', async () => {
    const opened = await Promise.all(
      ['blue', 'green'].map((version) => openReady({ url: server.url, prefix: 'deploy', version })),
    )
    let generation = 0
    const runs = { blue: 0, green: 0 }
    const [blue, green] = opened.map(({ cache }, i) => {
      const colour = i === 0 ? 'blue' : 'green'
      return cache.cached(
        async (id: number) => {
          runs[colour]++
          return { colour, id, generation }
        },
        { key: 'user', ttl: '1m' },
      )
    })
    if (!blue || !green) throw new Error('both are there')
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.all([blue(1), green(1), blue(1), green(1)])
      expect(answers.map(({ colour }) => colour)).toEqual(['blue', 'green', 'blue', 'green'])
    }
    expect(opened.flatMap(({ of }) => of('trouble'))).toEqual([])
    const turns = { ...runs }
    for (let round = 0; round < 10; round++) {
      await blue(2)
      await until(async () => (await blue.peek(2)) !== undefined)
      await green(2)
      await until(async () => (await green.peek(2)) !== undefined)
    }
    // In turn, each replaces the other's: a miss each time, and never a wrong answer.
    expect({ blue: runs.blue - turns.blue, green: runs.green - turns.green }).toEqual({ blue: 10, green: 10 })
    generation++
    await opened[1]?.cache.invalidate('user:*')
    expect(await blue(1)).toMatchObject({ colour: 'blue', generation: 1 })
    expect(await green(1)).toMatchObject({ colour: 'green', generation: 1 })
  })
})
