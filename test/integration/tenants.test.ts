import { AsyncLocalStorage } from 'node:async_hooks'
import { type CacheOptions, commitScope, createCache } from 'cachewell'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HandClock } from '../../src/testing/hand-clock.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { makeGate, type OpenedCache, openReady } from './open-cache.ts'

const request = new AsyncLocalStorage<string | undefined>()
const as = <T>(tenant: string | undefined, work: () => Promise<T>) => request.run(tenant, work)
/** Whoever runs a load is told by the context: a load in the wrong one shows. */
const whose = (counts: Map<string, number>) => async (id: number) => {
  const tenant = request.getStore() ?? 'nobody'
  counts.set(tenant, (counts.get(tenant) ?? 0) + 1)
  await new Promise((resolve) => setImmediate(resolve))
  return { tenant, id }
}

const HOSTILE = [
  '*',
  '?',
  '[a-z]*',
  'acme:',
  'acme:user',
  '^acme',
  '^',
  '\\',
  '::',
  '{acme}',
  '租户',
  '😀',
  ' ',
  "'",
  'null',
]

function describeTenants(kind: string, options: () => CacheOptions): void {
  describe(`tenants, ${kind}`, () => {
    const open = async (more: CacheOptions = {}): Promise<OpenedCache & { prefix: string }> => {
      const prefix = `t-${Math.random().toString(36).slice(2)}`
      // Without a tenant nothing would connect.
      const opened = await as('first', () =>
        openReady({ prefix, tenant: () => request.getStore(), ...options(), ...more }),
      )
      return { ...opened, prefix }
    }

    test('a function keeps the results of each tenant apart, also for callers at once', async () => {
      const { cache } = await open()
      const counts = new Map<string, number>()
      const user = cache.cached(whose(counts), { key: 'user', ttl: '1m' })
      const tenants = ['acme', 'globex', ...HOSTILE]
      for (const round of [1, 2]) {
        const asked = tenants.flatMap((tenant) => Array.from({ length: 5 }, () => ({ tenant, id: 1 })))
        const answers = await Promise.all(asked.map(({ tenant, id }) => as(tenant, () => user(id))))
        expect(answers).toEqual(asked)
        expect(Object.fromEntries(counts), `round ${round}`).toEqual(Object.fromEntries(tenants.map((one) => [one, 1])))
      }
    })

    test('a load under way is not joined by another tenant', async () => {
      const { cache } = await open()
      const gate = makeGate()
      const runs: unknown[] = []
      const slow = cache.cached(
        async (id: number) => {
          runs.push(request.getStore())
          if (request.getStore() === 'acme') await gate.opened
          return { tenant: request.getStore(), id }
        },
        { key: 'slow', ttl: '1m' },
      )
      const acme = [as('acme', () => slow(1)), as('acme', () => slow(1))]
      await until(() => runs.length === 1)
      expect(await as('globex', () => slow(1))).toEqual({ tenant: 'globex', id: 1 })
      gate.open()
      expect(await Promise.all(acme)).toEqual([
        { tenant: 'acme', id: 1 },
        { tenant: 'acme', id: 1 },
      ])
      expect(runs).toEqual(['acme', 'globex'])
    })

    test("keys named directly, and counters, are the tenant's", async () => {
      const { cache } = await open()
      await as('acme', () => cache.set('k', 'of acme', { ttl: '1m' }))
      await as('acme', () => cache.increment('n', 5, { ttl: '1m' }))
      await as('globex', () => cache.setMany([['k', 'of globex']], { ttl: '1m' }))
      expect(await as('acme', () => cache.getMany(['k', 'n']))).toEqual(['of acme', 5])
      expect(await as('globex', () => cache.getMany(['k', 'n']))).toEqual(['of globex', undefined])
      expect(await as('globex', () => cache.decrement('n', 1, { ttl: '1m' }))).toBe(-1)
      expect(await as('globex', () => cache.delete('k'))).toBe(true)
      expect(await as('acme', () => cache.get('k'))).toBe('of acme')
    })

    test("a key that spells another tenant's does not reach it", async () => {
      const { cache, prefix } = await open()
      const plain = await openReady({ prefix, ...options() })
      await as('acme', () => cache.set('k', 'of acme', { ttl: '1m' }))
      const spelled = plain.cache.cached(async (key: string) => `loaded for ${key}`, { key: (key) => key, ttl: '1m' })
      const inTenant = cache.cached(async (key: string) => `loaded for ${key}`, { key: (key) => key, ttl: '1m' })
      for (const key of ['^acme:k', '%5E%5Eacme:k', ' ^acme:k', ':^acme:k', `${prefix}::^acme:k`]) {
        expect(await as('globex', () => cache.get(key))).toBeUndefined()
        expect(await as('globex', () => inTenant(key))).toBe(`loaded for ${key}`)
        expect(await plain.cache.get(key)).toBeUndefined()
        expect(await plain.cache.delete(key)).toBe(false)
        expect(await spelled(key)).toBe(`loaded for ${key}`)
        expect(await spelled(key)).toBe(`loaded for ${key}`)
      }
      expect(await as('acme', () => cache.get('k'))).toBe('of acme')
    })

    test('invalidations, by key, pattern and function, stay with the tenant', async () => {
      const { cache } = await open()
      const counts = new Map<string, number>()
      const user = cache.cached(whose(counts), { key: 'user', ttl: '1m' })
      const fill = async () => {
        for (const tenant of ['acme', 'globex', ...HOSTILE]) await as(tenant, () => user(1))
        const runs = Object.fromEntries(counts)
        counts.clear()
        return runs
      }
      await fill()
      const one = { removed: 1, deferred: false }
      expect(await as('acme', () => user.invalidate(1))).toEqual(one)
      expect(await fill()).toEqual({ acme: 1 })
      expect(await as('acme', () => cache.invalidate('user:1'))).toEqual(one)
      expect(await fill()).toEqual({ acme: 1 })
      for (const tenant of ['acme', ...HOSTILE]) {
        expect(await as(tenant, () => cache.invalidate('*'))).toEqual(one)
        expect(await fill()).toEqual({ [tenant]: 1 })
      }
      expect(await cache.tenant('globex').invalidate('*')).toEqual(one)
      expect(await fill()).toEqual({ globex: 1 })
      expect(await as('acme', () => user.invalidateAll())).toEqual(one)
      expect(await fill()).toEqual({ acme: 1 })
      // A cache of one tenant is asked for that one's, whoever runs.
      expect(await as('acme', () => cache.tenant('globex').invalidateAll(user))).toEqual(one)
      expect(await fill()).toEqual({ globex: 1 })
    })

    test("tags are the tenant's, those of results too", async () => {
      const { cache } = await open()
      const counts = new Map<string, number>()
      const byCall = cache.cached(whose(counts), { key: 'call', ttl: '1m', tags: ['users'] })
      const byResult = cache.cached(whose(counts), { key: 'result', ttl: '1m', resultTags: ({ id }) => [`user:${id}`] })
      const fill = async () => {
        for (const tenant of ['acme', 'globex']) await as(tenant, async () => [await byCall(1), await byResult(1)])
        for (const tenant of ['acme', 'globex'])
          await as(tenant, () => cache.set('direct', tenant, { ttl: '1m', tags: ['users'] }))
        const runs = Object.fromEntries(counts)
        counts.clear()
        return runs
      }
      expect(await fill()).toEqual({ acme: 2, globex: 2 })
      expect(await fill()).toEqual({})
      await as('acme', () => cache.invalidateTags('users'))
      expect(await as('acme', () => cache.get('direct'))).toBeUndefined()
      expect(await as('globex', () => cache.get('direct'))).toBe('globex')
      expect(await fill()).toEqual({ acme: 1 })
      await as('globex', () => cache.invalidateTags(['user:1']))
      expect(await fill()).toEqual({ globex: 1 })
      await cache.tenant('acme').invalidateTags('users', 'user:1')
      expect(await fill()).toEqual({ acme: 2 })
    })

    test('members of a function, and keyFor with get, are within the tenant', async () => {
      const { cache } = await open()
      const user = cache.cached(whose(new Map()), { key: 'user', ttl: '1m' })
      expect(await as('acme', () => user.set([1], { tenant: 'set by acme', id: 1 }))).toBe(true)
      expect(await as('globex', () => user.peek(1))).toBeUndefined()
      expect(await as('acme', () => user.peek(1))).toEqual({ tenant: 'set by acme', id: 1 })
      expect(user.keyFor(1)).toBe('user:1')
      expect(await as('acme', () => cache.get(user.keyFor(1) as string))).toEqual({ tenant: 'set by acme', id: 1 })
      expect(await as('globex', () => cache.get(user.keyFor(1) as string))).toBeUndefined()
      expect(await as('acme', () => user.refresh(1))).toEqual({ tenant: 'acme', id: 1 })
      expect(await as('globex', () => user.expire(1))).toEqual({ removed: 0, deferred: false })
    })

    test('decorated methods invalidate and update for the tenant who called them', async () => {
      const { cache } = await open()
      class Users {
        @cache.Cached({ ttl: '1m' })
        async find(id: number) {
          return { id, of: request.getStore(), at: Math.random() }
        }

        @cache.CacheInvalidate({ pattern: 'Users.find:*', tags: ['users'] })
        async clear() {
          // Whatever the rest of the method is run as, it was called by that tenant.
          request.enterWith('globex')
        }

        @cache.CacheUpdate({ key: 'Users.find:{0}', ttl: '1m' })
        async rename(id: number) {
          return { id, of: 'updated', at: 0 }
        }
      }
      const users = new Users()
      const find = (tenant: string) => as(tenant, () => users.find(1))
      const before = { acme: await find('acme'), globex: await find('globex') }
      await as('acme', () => users.clear())
      expect(await find('globex')).toEqual(before.globex)
      expect(await find('acme')).not.toEqual(before.acme)
      await as('acme', () => users.rename(1))
      expect(await find('acme')).toMatchObject({ of: 'updated' })
      expect(await find('globex')).toEqual(before.globex)
    })

    test('without a tenant nothing is stored, read or removed, and one notice says why', async () => {
      const { cache, of } = await open()
      const counts = new Map<string, number>()
      const user = cache.cached(whose(counts), { key: 'user', ttl: '1m' })
      for (const missing of [undefined, '']) for (const id of [1, 1, 2]) await as(missing, () => user(id))
      expect([...counts.values()].reduce((sum, count) => sum + count)).toBe(6)
      expect(new Set(of('notice').map(({ code }) => code))).toEqual(new Set(['no-tenant']))
      expect(of('notice')[0]?.message).toBe('calls of user are not cached, since there is no tenant')
      expect(of('bypass').length).toBe(6)
      await as(undefined, async () => {
        expect(await cache.set('k', 1, { ttl: '1m' })).toBe(false)
        expect(await cache.get('k')).toBeUndefined()
        expect(await cache.getMany(['k', 'l'])).toEqual([undefined, undefined])
        expect(await cache.delete('k')).toBe(false)
        expect(await cache.increment('n', 1, { ttl: '1m' })).toBeUndefined()
        expect(await cache.invalidate('*')).toEqual({ removed: 0, deferred: false })
        expect(await cache.invalidateTags('t')).toMatchObject({ deferred: false })
        expect(await user.peek(1)).toBeUndefined()
        expect(await user.set([1], { tenant: '', id: 1 })).toBe(false)
        expect(await user.refresh(1)).toMatchObject({ id: 1 })
        expect(await user.invalidate(1)).toEqual({ removed: 0, deferred: false })
        const unknown = { verdict: 'bypass', reason: 'unkeyable', key: undefined, stored: [] }
        expect(await cache.explain(user, [1])).toMatchObject(unknown)
        const byKey = await cache.explain(['user', 1])
        expect(byKey).toMatchObject(unknown)
        expect(`${byKey}`).toContain('a key: bypass (unkeyable), since there is no tenant')
      })
      expect(of('store')).toEqual([])
      expect(new Set(of('notice').map(({ code }) => code))).toEqual(new Set(['no-tenant']))
    })

    test('what belongs to nobody is shared, and apart from tenants', async () => {
      const { cache } = await open()
      const counts = new Map<string, number>()
      const rates = cache.cached(whose(counts), { key: 'rates', ttl: '1m', tenant: false, tags: ['rates'] })
      const own = cache.cached(whose(counts), { key: 'rates', ttl: '1m', tags: ['rates'] })
      expect(await as('acme', () => rates(1))).toEqual({ tenant: 'acme', id: 1 })
      expect(await as('globex', () => rates(1))).toEqual({ tenant: 'acme', id: 1 })
      expect(await as(undefined, () => rates(1))).toEqual({ tenant: 'acme', id: 1 })
      expect(await as('globex', () => own(1))).toEqual({ tenant: 'globex', id: 1 })
      await as('globex', () => cache.invalidate('*'))
      await as('globex', () => cache.invalidateTags('rates'))
      expect(await as('globex', () => rates(1))).toEqual({ tenant: 'acme', id: 1 })
      expect(await as('globex', () => own(1))).toEqual({ tenant: 'globex', id: 1 })
      const runs = () => [...counts.values()].reduce((sum, count) => sum + count)
      const before = runs()
      expect(await cache.tenant(false).invalidate('*')).toEqual({ removed: 1, deferred: false })
      await as('globex', () => own(1))
      expect(runs()).toBe(before)
      await as('globex', () => rates(1))
      expect(runs()).toBe(before + 1)
      await cache.tenant(false).invalidateTags('rates')
      await as('globex', () => own(1))
      await as('globex', () => rates(1))
      expect(runs()).toBe(before + 2)
      expect(await as('acme', () => rates.invalidate(1))).toEqual({ removed: 1, deferred: false })
    })

    test('a cache of one tenant declares functions for it, whoever calls', async () => {
      const { cache } = await open()
      const acme = cache.tenant('acme')
      const counts = new Map<string, number>()
      const byTenant = cache.cached(whose(counts), { key: 'user', ttl: '1m' })
      const ofAcme = acme.cached(whose(counts), { key: 'user', ttl: '1m' })
      await as('acme', () => byTenant(1))
      expect(await as('globex', () => ofAcme(1))).toEqual({ tenant: 'acme', id: 1 })
      expect(await as(undefined, () => ofAcme(1))).toEqual({ tenant: 'acme', id: 1 })
      await acme.set('k', 1, { ttl: '1m' })
      expect(await as('acme', () => cache.get('k'))).toBe(1)
    })

    test('what is held for a commit is carried out for the tenant who asked for it', async () => {
      const { cache } = await open()
      const user = cache.cached(whose(new Map()), { key: 'user', ttl: '1m' })
      for (const tenant of ['acme', 'globex']) await as(tenant, () => user(1))
      await as('globex', () =>
        commitScope(() =>
          as('acme', async () => {
            await cache.invalidate('user:*')
            await user.set([2], { tenant: 'set by acme', id: 2 })
            await cache.set('k', 'of acme', { ttl: '1m' })
          }),
        ),
      )
      expect(await as('acme', () => user.peek(1))).toBeUndefined()
      expect(await as('globex', () => user.peek(1))).toEqual({ tenant: 'globex', id: 1 })
      expect(await as('acme', () => user.peek(2))).toEqual({ tenant: 'set by acme', id: 2 })
      expect(await as('globex', () => user.peek(2))).toBeUndefined()
      expect(await as('acme', () => cache.get('k'))).toBe('of acme')
      expect(await as('globex', () => cache.get('k'))).toBeUndefined()
    })

    test('a load that goes over to another tenant is stored, with its tags, for the one who called', async () => {
      const { cache } = await open()
      let runs = 0
      const load = cache.cached(
        async () => {
          request.enterWith('globex')
          return ++runs
        },
        { key: 'switching', ttl: '1m', resultTags: () => ['late'] },
      )
      expect(await as('acme', () => load())).toBe(1)
      expect(await as('acme', () => load())).toBe(1)
      await as('globex', () => cache.invalidateTags('late'))
      expect(await as('acme', () => load())).toBe(1)
      await as('acme', () => cache.invalidateTags('late'))
      expect(await as('acme', () => load())).toBe(2)
    })
  })
}

describeTenants('in memory', () => ({ url: 'memory:' }))

test('a value that is renewed in the background is loaded, and stored, for the tenant who was served it', async () => {
  const clock = new HandClock()
  const cache = createCache({ url: 'memory:', logger: false, clock, tenant: () => request.getStore() })
  let runs = 0
  const user = cache.cached(async () => `${request.getStore()} ${++runs}`, {
    key: 'user',
    ttl: '1m',
    staleWhileRevalidate: '1h',
  })
  expect(await as('acme', () => user())).toBe('acme 1')
  expect(await as('globex', () => user())).toBe('globex 2')
  clock.advance(61_000)
  expect(await as('acme', () => user())).toBe('acme 1')
  await until(async () => (await as('acme', () => user.peek())) === 'acme 3')
  expect(await as('globex', () => user.peek())).toBe('globex 2')
  expect(runs).toBe(3)
  await cache.close()
})

test('nobody listening, hits are those of the tenant who calls', async () => {
  const cache = createCache({ url: 'memory:', logger: false, tenant: () => request.getStore() })
  const user = cache.cached(async (key: string) => `${key} of ${request.getStore()}`, { key: (key) => key, ttl: '1m' })
  const byHead = cache.cached(async (id: number) => `${id} of ${request.getStore()}`, { key: 'head', ttl: '1m' })
  for (const tenant of ['acme', 'globex', 'acme:k', '^acme']) {
    for (const key of ['k', '^acme:k', ':k', 'k:k']) {
      for (let i = 0; i < 2; i++) expect(await as(tenant, () => user(key))).toBe(`${key} of ${tenant}`)
    }
    for (let i = 0; i < 2; i++) expect(await as(tenant, () => byHead(1))).toBe(`1 of ${tenant}`)
  }
  expect(await as(undefined, () => user('k'))).toBe('k of undefined')
  expect(cache.stats()).toMatchObject({ hits: 20, misses: 20, bypasses: 1 })
  await cache.close()
})

test('an update in a commit scope is stored for the tenant who called, whoever the method goes over to', async () => {
  const cache = createCache({ url: 'memory:', logger: false, tenant: () => request.getStore() })
  class Users {
    @cache.CacheUpdate({ key: 'user:{0}', ttl: '1m' })
    async rename(_id: number) {
      request.enterWith('globex')
      return 'renamed'
    }
  }
  await as('acme', () => commitScope(() => new Users().rename(1)))
  expect(await cache.tenant('acme').get('user:1')).toBe('renamed')
  expect(await cache.tenant('globex').get('user:1')).toBeUndefined()
  await cache.close()
})

test('the log tells no tenant', async () => {
  const lines: unknown[] = []
  const log = (...line: unknown[]) => lines.push(line)
  const cache = createCache({
    url: 'memory:',
    logger: { info: log, warn: log, error: log },
    tenant: () => request.getStore(),
  })
  const odd = cache.cached(async () => () => 1, { key: 'odd', ttl: '1m' })
  await as('jane@example.org', () => odd())
  await as('jane@example.org', () => cache.invalidate('*'))
  await as(undefined, () => odd())
  expect(lines.length).toBe(2)
  expect(JSON.stringify(lines)).not.toContain('jane')
  await cache.close()
})

test('bad tenants in options are refused where they are written', () => {
  expect(() => createCache({ tenant: 'acme' as never })).toThrow("for one tenant alone, use cache.tenant('acme')")
  const cache = createCache({ url: 'memory:', logger: false })
  for (const bad of ['', undefined, null, Number.NaN, {}]) {
    expect(() => cache.tenant(bad as never)).toThrow('tenant() takes the name of one')
  }
  expect(() => cache.cached(async () => 1, { key: 'x', ttl: 1, tenant: true as never })).toThrow(
    'tenant must be false or left out',
  )
})

describeRedis('tenants', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stop())

  describeTenants('in Redis', () => ({ url: server.url }))
  describeTenants('in Redis, with near copies', () => ({ url: server.url, near: true }))

  test('keys and tags begin with the tenant, and one cache without tenants can remove all of them', async () => {
    const prefix = 'layout'
    const { cache } = await as('first', () => openReady({ url: server.url, prefix, tenant: () => request.getStore() }))
    const user = cache.cached(async (id: number) => id, { key: 'user', ttl: '1m', tags: ['users'] })
    const rates = cache.cached(async () => 1, { key: 'rates', ttl: '1m', tenant: false })
    await as('acme', () => user(1))
    await as('a*:b', () => user(1))
    await as('42', () => rates())
    const keys = async () => ((await server.command('KEYS', `${prefix}*`)) as string[]).sort()
    await until(async () => (await keys()).length === 5)
    expect(await keys()).toEqual([
      'layout#^a%2A%3Ab:users',
      'layout#^acme:users',
      'layout::^:rates',
      'layout::^a%2A%3Ab:user:1',
      'layout::^acme:user:1',
    ])
    const plain = await openReady({ url: server.url, prefix })
    expect(await plain.cache.invalidate('*')).toEqual({ removed: 3, deferred: false })
  })
})

describeRedis('tenants of a cluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await RedisCluster.start()
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  describeTenants('in a cluster', () => ({ url: cluster.url }))

  test('clearing one of them removes exactly its keys, from all masters', async () => {
    const options = { url: cluster.url, prefix: 'clearing', tenant: () => request.getStore() }
    const { cache } = await as('first', () => openReady(options))
    const ids = Array.from({ length: 60 }, (_, id) => id)
    const user = cache.cached(async (id: number) => id, { key: 'user', ttl: '1m', tags: ['users'] })
    const order = cache.cached(async (id: number) => id, { key: 'order', ttl: '1m' })
    // Names that begin as the first does, that are patterns which match it, and that would be the slot in a cluster.
    const tenants = ['acme', 'acme2', 'ac*', '{acme}', 'globex']
    const fill = () =>
      Promise.all(tenants.map((tenant) => as(tenant, () => Promise.all(ids.flatMap((id) => [user(id), order(id)])))))
    await fill()
    const all = tenants.length * ids.length * 2
    await until(() => cache.stats().stores === all)

    const masters = await cluster.masters()
    const keysOf = async (pattern: string) => {
      const found = await Promise.all(masters.map((master) => master.command('KEYS', pattern) as Promise<string[]>))
      return found.map((keys) => keys.sort())
    }
    const before = await keysOf('clearing::*')
    const ofAcme = (keys: readonly string[]) => keys.filter((key) => key.startsWith('clearing::^acme:'))
    expect(before.flat()).toHaveLength(all)
    for (const keys of before) expect(ofAcme(keys).length).toBeGreaterThan(10)

    expect(await cache.tenant('acme').invalidateAll(user)).toEqual({ removed: 60, deferred: false })
    const users = (keys: readonly string[]) => ofAcme(keys).filter((key) => key.includes(':user:'))
    expect(await keysOf('clearing::*')).toEqual(before.map((keys) => keys.filter((key) => !users(keys).includes(key))))

    expect(await as('acme', () => cache.invalidate('*'))).toEqual({ removed: 60, deferred: false })
    const rest = before.map((keys) => keys.filter((key) => !ofAcme(keys).includes(key)))
    expect(await keysOf('clearing::*')).toEqual(rest)

    // By tag: whoever's else it is stays a hit.
    await fill()
    await until(() => cache.stats().stores === all + 120)
    await as('{acme}', () => cache.invalidateTags('users'))
    await fill()
    await until(() => cache.stats().stores === all + 120 + 60)
    expect(cache.stats().misses).toBe(all + 120 + 60)
  })
})
