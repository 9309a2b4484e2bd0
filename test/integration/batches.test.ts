import { Socket } from 'node:net'
import { type CacheOptions, createCache, type StandardSchema } from 'cachewell'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import { RedisServer } from '../support/redis-server.ts'
import { down, TcpProxy, trickle } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { commandCounts, makeGate, openReady } from './open-cache.ts'

const ttl = '1m'
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)
const loadUsers = () => vi.fn(async (ids: number[]) => ids.map((id) => ({ id })))
const usersOf = (ids: readonly number[]) => ids.map((id) => ({ id }))

/** What holds wherever it is stored. */
function describeBatches(name: string, urlOf: () => string): void {
  describe(name, () => {
    let prefixes = 0
    // How long a thousand commands take on a busy machine is not what is tested here.
    const open = (options: CacheOptions = {}) =>
      openReady({ url: urlOf(), prefix: `batch${++prefixes}`, commandTimeout: '5s', ...options })

    const kinds: [string, object][] = [
      ['plain', {}],
      ['with tags', { tags: (id: number) => [`user ${id}`, 'users'] }],
      ['with tags of the result', { resultTags: ({ id }: { id: number }) => [`user ${id % 7}`] }],
      ['that may be stale', { staleIfError: '1h', staleWhileRevalidate: '1h' }],
    ]
    test.each(kinds)('a thousand ids, %s, are one load', async (_what, options) => {
      const { cache, of } = await open()
      const load = loadUsers()
      const users = cache.cachedMany(load, { key: 'user', ttl, ...options })
      const ids = numbers(1_000)
      expect(await users(ids)).toEqual(usersOf(ids))
      expect(load.mock.calls).toEqual([[ids]])
      await until(() => of('store').length === 1_000)
      expect(of('store').every(({ stored }) => stored)).toBe(true)

      const more = [...ids, ...numbers(1_100).slice(1_000)].reverse()
      expect(await users(more)).toEqual(usersOf(more))
      expect(load.mock.calls.slice(1)).toEqual([[more.slice(0, 100)]])
    })

    test('two callers of the same ids in two processes load each once', async () => {
      const shared = { prefix: `shared${++prefixes}` }
      const [first, second] =
        urlOf() === 'memory:' ? await twice(open(shared)) : await Promise.all([open(shared), open(shared)])
      const load = vi.fn(async (ids: number[]) => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        return usersOf(ids)
      })
      const ids = numbers(200)
      const [some, others] = await Promise.all(
        [first, second].map(({ cache }, i) => cache.cachedMany(load, { key: 'user', ttl })(i ? ids.toReversed() : ids)),
      )
      expect(some).toEqual(usersOf(ids))
      expect(others).toEqual(usersOf(ids.toReversed()))
      expect(load.mock.calls.flatMap(([given]) => given).sort((a, b) => a - b)).toEqual(ids)
      expect(load.mock.calls.length).toBeLessThanOrEqual(2)
    })

    test('an id that is invalidated while it is loaded is not stored, nor served to later callers; the others are', async () => {
      const { cache, of } = await open()
      const gate = makeGate()
      let version = 1
      const load = vi.fn(async (ids: number[]) => {
        const read = version
        if (read === 1) await gate.opened
        return ids.map((id) => `${id} v${read}`)
      })
      const users = cache.cachedMany(load, { key: 'user', ttl })
      const user = cache.cached(async (id: number) => (await load([id]))[0], { key: 'user', ttl })
      const before = users([1, 2, 3])
      await until(() => load.mock.calls.length === 1)
      version = 2
      expect((await users.invalidate([2])).deferred).toBe(false)
      const after = users([1, 2, 3])
      const single = user(2)
      gate.open()
      expect(await before).toEqual(['1 v1', '2 v1', '3 v1'])
      expect(await after).toEqual(['1 v1', '2 v2', '3 v1'])
      expect(await single).toBe('2 v2')
      await until(() => of('store').length === 4)
      expect(await users.peek([1, 2, 3])).toEqual(['1 v1', '2 v2', '3 v1'])
      expect(load.mock.calls).toEqual([[[1, 2, 3]], [[2]]])
    })

    test('a tag that is invalidated while its ids are loaded ends those, and no others', async () => {
      const { cache, of } = await open()
      const gate = makeGate()
      const load = vi.fn(async (ids: number[]) => {
        const run = load.mock.calls.length
        if (run === 1) await gate.opened
        return ids.map((id) => `${id} run ${run}`)
      })
      const users = cache.cachedMany(load, { key: 'user', ttl, tags: (id) => [id % 2 ? 'odd' : 'even'] })
      const before = users([1, 2, 3, 4])
      await until(() => load.mock.calls.length === 1)
      await cache.invalidateTags('odd')
      gate.open()
      await before
      await until(() => of('store').length === 4)
      expect(await users([1, 2, 3, 4])).toEqual(['1 run 2', '2 run 1', '3 run 2', '4 run 1'])
      expect(load.mock.calls).toEqual([[[1, 2, 3, 4]], [[1, 3]]])
    })

    test('single and batch callers of the same keys load each once', async () => {
      const { cache } = await open()
      const load = loadUsers()
      const one = vi.fn(async (id: number) => ({ id }))
      const users = cache.cachedMany(load, { key: 'user', ttl })
      const user = cache.cached(one, { key: 'user', ttl })
      const ids = numbers(60)
      const calls = ids.map((id) => [user(id), users([id, (id + 1) % 60, (id + 30) % 60])] as const)
      for (const [id, [single, batch]] of calls.entries()) {
        expect(await single).toEqual({ id })
        expect(await batch).toEqual(usersOf([id, (id + 1) % 60, (id + 30) % 60]))
      }
      const loaded = [...load.mock.calls.flatMap(([some]) => some), ...one.mock.calls.flat()]
      expect(loaded.sort((a, b) => a - b)).toEqual(ids)
    })

    test('what is stored and does not fit the schema is loaded anew, that id alone, and replaced', async () => {
      const { cache, of } = await open()
      const validate = (value: unknown) =>
        typeof (value as { id?: unknown }).id === 'number' ? { value } : { issues: [{ message: 'no id' }] }
      const schema: StandardSchema = { '~standard': { version: 1, vendor: 'hand-written', validate } }
      const load = vi.fn(async (ids: number[]) => ids.map((id) => (id === 9 ? ({ no: id } as never) : { id })))
      const users = cache.cachedMany(load, { key: 'user', ttl, schema })
      const unchecked = cache.cachedMany(async (ids: number[]) => ids, { key: 'user', ttl })
      expect(await users([1, 2, 3, 4])).toEqual(usersOf([1, 2, 3, 4]))
      await until(() => of('store').length === 4)
      expect(
        await unchecked.set([
          [2, { nick: 'of an older version' } as never],
          [4, 'word' as never],
        ]),
      ).toBe(true)

      expect(await users.peek([1, 2])).toEqual([{ id: 1 }, undefined])
      expect(await users([4, 3, 2, 1, 5])).toEqual(usersOf([4, 3, 2, 1, 5]))
      expect(load.mock.calls).toEqual([[[1, 2, 3, 4]], [[4, 2, 5]]])
      expect(
        of('miss')
          .slice(4)
          .map(({ key, reason }) => [key, reason])
          .sort(),
      ).toEqual([
        ['user:2', 'invalid'],
        ['user:4', 'invalid'],
        ['user:5', 'absent'],
      ])
      await until(() => of('store').length === 4 + 2 + 3)
      expect(await users([1, 2, 3, 4, 5])).toEqual(usersOf([1, 2, 3, 4, 5]))
      expect(load.mock.calls).toHaveLength(2)

      // What is loaded and does not fit is passed through, and the others of that load are stored.
      expect(await users([8, 9])).toEqual([{ id: 8 }, { no: 9 }])
      await until(() => of('store').some(({ key, stored }) => key === 'user:8' && stored))
      expect(of('store').find(({ key }) => key === 'user:9')).toMatchObject({ stored: false, reason: 'invalid' })
      expect(await users.peek([8, 9])).toEqual([{ id: 8 }, undefined])
    })

    test('hostile ids are ids like others', async () => {
      const { cache, of } = await open()
      const words = [
        '__proto__',
        'constructor',
        '',
        '*',
        '?',
        '[a]',
        '{a}',
        'a:b',
        'a::b',
        'a b',
        '\r\n',
        '\u0000',
        '\\',
        'ä',
      ]
      const ids = [
        ...words,
        'x'.repeat(2_000),
        1,
        '1',
        1n,
        true,
        { a: 1 },
        ['a', 1],
        'a',
        '#',
        '#:a',
        `${'y'.repeat(600)}1`,
      ]
      const load = vi.fn(async (some: unknown[]) => some.map((id) => ids.indexOf(id as string)))
      const things = cache.cachedMany(load, { key: 'thing', ttl })
      expect(await things(ids)).toEqual(ids.map((_, i) => i))
      await until(() => of('store').length === ids.length)
      expect(await things(ids.toReversed())).toEqual(ids.map((_, i) => i).reverse())
      expect(await things.invalidate(['*', '__proto__'])).toEqual({ removed: 2, deferred: false })
      expect((await things.peek(ids)).filter((found) => found === undefined)).toHaveLength(2)
      expect(load.mock.calls).toEqual([[ids]])
    })

    test('in a commit scope everything is loaded by one call, and nothing is stored', async () => {
      const { commitScope } = await import('cachewell')
      const { cache, of } = await open()
      const load = loadUsers()
      const users = cache.cachedMany(load, { key: 'user', ttl })
      await commitScope(async () => {
        expect(await users([1, 2, 3])).toEqual(usersOf([1, 2, 3]))
        expect(await users.peek([1])).toEqual([undefined])
      })
      expect(load.mock.calls).toEqual([[[1, 2, 3]]])
      expect(of('store')).toEqual([])
    })

    test('what fails is not stored, and the leases are given back', async () => {
      const { cache } = await open()
      let fails = true
      const load = vi.fn(async (ids: number[]) => {
        if (fails) throw new Error('down')
        return usersOf(ids)
      })
      const users = cache.cachedMany(load, { key: 'user', ttl, errorTtl: '1ms' })
      await expect(users([1, 2, 3])).rejects.toThrow('down')
      fails = false
      await until(async () => {
        await users([1, 2, 3])
        return (await users.peek([1, 2, 3])).every(Boolean)
      })
    })
  })
}

async function twice<T>(opened: Promise<T>): Promise<[T, T]> {
  return [await opened, await opened]
}

describeBatches('batches in memory', () => 'memory:')

describeRedis('batches over Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  beforeEach(() => server.command('FLUSHALL') as Promise<never>)

  describeBatches('of one cache', () => server.url)

  /** How often the commands of reading and of scripts were called meanwhile. */
  const countsOf = async (work: () => Promise<unknown>) => {
    await server.command('CONFIG', 'RESETSTAT')
    await work()
    const { get = 0, mget = 0, evalsha = 0, eval: whole = 0, set = 0, unlink = 0 } = await commandCounts(server)
    return { get, mget, scripts: evalsha + whole, set, unlink }
  }

  test('hits are one MGET, misses one more command for each lease and each store', async () => {
    const { cache, of } = await openReady({ url: server.url })
    const users = cache.cachedMany(loadUsers(), { key: 'user', ttl })
    const ids = numbers(100)
    const cold = await countsOf(async () => {
      await users(ids)
      await until(() => of('store').length === 100)
    })
    expect(cold).toEqual(
      // A lease and a store are a script each, with a SET in it.
      { get: 0, mget: 1, scripts: 200, set: 200, unlink: 0 },
    )
    expect(await countsOf(() => users(ids))).toEqual({ get: 0, mget: 1, scripts: 0, set: 0, unlink: 0 })
    expect(await countsOf(() => users.peek(ids))).toEqual({ get: 0, mget: 1, scripts: 0, set: 0, unlink: 0 })
    expect(await countsOf(() => users.set(ids.map((id) => [id, { id }])))).toMatchObject({ set: 100, scripts: 0 })
  })

  test('tags that ids have in common are asked for once', async () => {
    const { cache, of } = await openReady({ url: server.url })
    const ids = numbers(100)
    const options = { key: 'user', ttl, tags: ['users'], resultTags: ({ id }: { id: number }) => [`team ${id % 5}`] }
    const users = cache.cachedMany(loadUsers(), options)
    const cold = await countsOf(async () => {
      await users(ids)
      await until(() => of('store').length === 100)
    })
    // Leases, stores; before the load the tag and any tag, and after it the five and any tag.
    expect(cold.scripts).toBe(100 + 100 + 2 + 6)
    await cache.invalidateTags('team 3')
    const missing = (await users.peek(ids)).flatMap((found, id) => (found ? [] : [id]))
    expect(missing).toEqual(ids.filter((id) => id % 5 === 3))
  })

  test('getMany is one MGET, with tags two; setMany one SET for each key', async () => {
    const { cache } = await openReady({ url: server.url })
    const ids = numbers(100)
    const items = ids.map((id) => [['k', id], id] as const)
    const keys = items.map(([key]) => key)
    expect(await countsOf(() => cache.setMany(items, { ttl }))).toMatchObject({ set: 100, get: 0, mget: 0, scripts: 0 })
    expect(await countsOf(() => cache.getMany(keys))).toMatchObject({ mget: 1, get: 0 })
    expect(await countsOf(() => cache.setMany(items, { ttl, tags: ['t', 'u'] }))).toMatchObject({
      set: 100 + 2,
      scripts: 2,
    })
    expect(await countsOf(() => cache.getMany(keys))).toMatchObject({ mget: 2, get: 0 })
  })

  test('commands of one turn are one write: reads, leases, stores, and setMany', async () => {
    const { cache, of } = await openReady({ url: server.url })
    const users = cache.cachedMany(loadUsers(), { key: 'user', ttl })
    const ids = numbers(100)
    await users([-1])
    await until(() => of('store').length === 1)
    const writes = countWrites([server])
    await users(ids)
    await until(() => of('store').length === 101)
    // The read, the leases, the stores; and what replies that came in several pieces have set off.
    expect(writes()).toBeLessThanOrEqual(8)
    const more = countWrites([server])
    await cache.setMany(
      ids.map((id) => [['k', id], id] as const),
      { ttl },
    )
    expect(more()).toBe(1)

    // Very many are several: the server begins while the rest is being written.
    const very = countWrites([server])
    await cache.setMany(
      numbers(2_000).map((id) => [['k', id], id] as const),
      { ttl },
    )
    expect(very()).toBe(4)
  })

  test('with a near cache, hits are no command at all', async () => {
    const { cache } = await openReady({ url: server.url, near: true })
    const users = cache.cachedMany(loadUsers(), { key: 'user', ttl })
    const ids = numbers(100)
    await users(ids)
    await until(async () => (await countsOf(() => users(ids))).mget === 0)
  })

  test('replies that come in pieces, and slowly, are waited for: it is one load all the same', async () => {
    await using proxy = await TcpProxy.start(server)
    const { cache } = await openReady({ url: proxy.via(server.url), commandTimeout: '5s' })
    const load = loadUsers()
    const users = cache.cachedMany(load, { key: 'user', ttl, tags: (id) => [`user ${id}`] })
    proxy.apply(down(trickle(40, 1)))
    const ids = numbers(100)
    expect(await users(ids)).toEqual(usersOf(ids))
    expect(load.mock.calls).toEqual([[ids]])
  })

  test('and so are those to the question who renews what is stale', async () => {
    await using proxy = await TcpProxy.start(server)
    const { cache, of } = await openReady({ url: proxy.via(server.url), commandTimeout: '5s' })
    const load = loadUsers()
    const users = cache.cachedMany(load, { key: 'user', ttl: '50ms', staleWhileRevalidate: '1h' })
    const ids = numbers(60)
    await users(ids)
    await until(() => of('store').length === 60)
    await new Promise((resolve) => setTimeout(resolve, 60))
    proxy.apply(down(trickle(40, 1)))
    expect(await users(ids)).toEqual(usersOf(ids))
    await until(() => of('store').length === 120)
    expect(load.mock.calls).toEqual([[ids], [ids]])
  })

  test('ids that another process is loading are waited for, and the others are not held up', async () => {
    const [one, other] = await Promise.all([openReady({ url: server.url }), openReady({ url: server.url })])
    const gate = makeGate()
    const slow = vi.fn(async (ids: number[]) => {
      await gate.opened
      return usersOf(ids)
    })
    const load = loadUsers()
    const first = one.cache.cachedMany(slow, { key: 'user', ttl })([1, 2, 3])
    await until(() => slow.mock.calls.length === 1)
    const users = other.cache.cachedMany(load, { key: 'user', ttl })
    const second = users([2, 3, 4, 5])
    await until(() => load.mock.calls.length === 1)
    expect(await users([5, 4])).toEqual(usersOf([5, 4]))
    gate.open()
    expect(await first).toEqual(usersOf([1, 2, 3]))
    expect(await second).toEqual(usersOf([2, 3, 4, 5]))
    expect(slow.mock.calls).toEqual([[[1, 2, 3]]])
    expect(load.mock.calls).toEqual([[[4, 5]]])
  })

  test('ids whose holder has failed are taken over', async () => {
    const [one, other] = await Promise.all([openReady({ url: server.url }), openReady({ url: server.url })])
    const gate = makeGate()
    const failing = vi.fn(async (_ids: number[]): Promise<{ id: number }[]> => {
      await gate.opened
      throw new Error('down')
    })
    const load = loadUsers()
    const first = one.cache.cachedMany(failing, { key: 'user', ttl })([1, 2, 3])
    await until(() => failing.mock.calls.length === 1)
    const second = other.cache.cachedMany(load, { key: 'user', ttl })([1, 2, 3, 4])
    await until(() => load.mock.calls.length === 1)
    gate.open()
    await expect(first).rejects.toThrow('down')
    expect(await second).toEqual(usersOf([1, 2, 3, 4]))
    expect(load.mock.calls[0]).toEqual([[4]])
    expect(load.mock.calls.flatMap(([ids]) => ids).sort()).toEqual([1, 2, 3, 4])
  })

  test('an id whose caller has not waited to the end holds up no other', async () => {
    const [one, other] = await Promise.all([openReady({ url: server.url }), openReady({ url: server.url })])
    const renewed = makeGate()
    const failed = makeGate()
    const stale = { key: 'user', ttl: '30ms', staleIfError: '1h' } as const
    let version = 1
    const renewing = one.cache.cached(
      async (_id: string) => {
        if (version === 2) await renewed.opened
        return `v${version}`
      },
      { ...stale, ttl: (value) => (value === 'v1' ? '30ms' : '1m') },
    )
    const failing = one.cache.cached(
      async (_id: string): Promise<string> => {
        await failed.opened
        throw new Error('down')
      },
      { key: 'user', ttl },
    )
    await renewing('stale')
    await until(async () => (await renewing.peek('stale')) === undefined)
    version = 2
    const both = [renewing('stale'), failing('other').catch(() => {})]

    const load = vi.fn(async (ids: string[]) => ids)
    const users = other.cache.cachedMany(load, { ...stale, softTimeout: '50ms' })
    // The read shows that both are being loaded by now.
    await until(async () => String(await server.command('KEYS', '*')).split(',').length === 3)
    const batch = users(['stale', 'other'])
    await until(() => other.of('hit').some(({ stale }) => stale))
    renewed.open()
    await until(() => other.of('hit').some(({ stale }) => !stale))
    failed.open()
    expect(await batch).toEqual(['v1', 'other'])
    expect(load.mock.calls).toEqual([[['other']]])
    await Promise.all(both)
  })

  test('while Redis is away, one call loads everything, and nothing is stored', async () => {
    await using gone = await RedisServer.start()
    const { cache, of } = await openReady({ url: gone.url })
    const load = loadUsers()
    const users = cache.cachedMany(load, { key: 'user', ttl })
    await gone.kill()
    await until(() => of('connection').at(-1)?.state !== 'ready')
    const ids = numbers(300)
    expect(await users(ids)).toEqual(usersOf(ids))
    expect(await users(ids)).toEqual(usersOf(ids))
    expect(load.mock.calls).toEqual([[ids], [ids]])
    expect(await users.set([[1, { id: 1 }]])).toBe(false)
    expect(await users.invalidate([1, 2])).toEqual({ removed: 0, deferred: true })
    expect(of('store').filter(({ stored }) => stored)).toEqual([])
  })

  test('a first call before there is a connection is one load', async () => {
    const cache = createCache({ url: server.url, prefix: 'first', logger: false })
    try {
      const load = loadUsers()
      const users = cache.cachedMany(load, { key: 'user', ttl })
      expect(await users([1, 2, 3])).toEqual(usersOf([1, 2, 3]))
      expect(load).toHaveBeenCalledTimes(1)
    } finally {
      await cache.close()
    }
  })
})

describeRedis('batches over a cluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await RedisCluster.start()
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  describeBatches('of three masters', () => cluster.url)

  const countsOf = async (work: () => Promise<unknown>) => {
    const masters = await cluster.masters()
    await Promise.all(masters.map((master) => master.command('CONFIG', 'RESETSTAT')))
    await work()
    const counts = await Promise.all(masters.map(commandCounts))
    return counts.map(({ get = 0, mget = 0, set = 0 }) => ({ get, mget, set }))
  }

  test('hits and getMany read each key of its master, setMany writes it there, and each master gets one write', async () => {
    const { cache, of } = await openReady({ url: cluster.url, prefix: 'counted' })
    const users = cache.cachedMany(loadUsers(), { key: 'user', ttl })
    const ids = numbers(100)
    const keys = ids.map((id) => ['user', id])
    const items = keys.map((key) => [key, { id: 7 }] as const)
    await users(ids)
    await until(() => of('store').length === 100)
    const works = [() => users(ids), () => cache.getMany(keys), () => cache.setMany(items, { ttl })]
    for (const [i, work] of works.entries()) {
      const writes = countWrites(cluster.nodes)
      const counts = await countsOf(work)
      const total = { get: sum(counts, 'get'), mget: sum(counts, 'mget'), set: sum(counts, 'set') }
      expect(total).toEqual(i < 2 ? { get: 100, mget: 0, set: 0 } : { get: 0, mget: 0, set: 100 })
      for (const { get, set } of counts) expect(get + set).toBeGreaterThan(10)
      expect(writes()).toBe(3)
    }
    expect(await users([1, 2])).toEqual([{ id: 7 }, { id: 7 }])
  })

  test('a master that is slow is waited for: it is one load all the same', async () => {
    const { cache } = await openReady({ url: cluster.url, prefix: 'slow', commandTimeout: '5s' })
    const load = loadUsers()
    const users = cache.cachedMany(load, { key: 'user', ttl })
    await users(numbers(20))
    const [first, second] = await cluster.masters()
    const ids = numbers(100)
    await first?.command('CLIENT', 'PAUSE', 200, 'ALL')
    await second?.command('CLIENT', 'PAUSE', 100, 'WRITE')
    expect(await users(ids)).toEqual(usersOf(ids))
    expect(load.mock.calls.slice(1)).toEqual([[ids.slice(20)]])
  })

  test('a master that is away costs the ids of the others nothing: one load, of which theirs is stored', async () => {
    await using own = await RedisCluster.start()
    const { cache, of } = await openReady({ url: own.url, prefix: 'away' })
    const load = loadUsers()
    const users = cache.cachedMany(load, { key: 'user', ttl })
    const ids = numbers(60)
    const dead = await own.killMaster('anything')
    await until(() => of('connection').some(({ state }) => state !== 'ready'))
    expect(await users(ids)).toEqual(usersOf(ids))
    expect(load.mock.calls).toEqual([[ids]])
    await until(() => of('store').length === 60)
    const stored = of('store').filter((event) => event.stored).length
    expect(stored).toBeGreaterThan(10)
    expect(stored).toBeLessThan(60)
    expect(dead.port).toBeGreaterThan(0)
  })
})

const sum = <Name extends string>(counts: readonly Record<Name, number>[], name: Name) =>
  counts.reduce((total, one) => total + one[name], 0)

/** How often something is written to one of these servers from here on, by a client that is connected to it. */
function countWrites(servers: readonly { readonly port: number }[]): () => number {
  let count = 0
  const ports = new Set(servers.map(({ port }) => port))
  const spies = (['_write', '_writev'] as const).map((name) => {
    const write = Socket.prototype[name] as (this: Socket, ...args: unknown[]) => void
    return vi.spyOn(Socket.prototype, name).mockImplementation(function (this: Socket, ...args: unknown[]) {
      if (ports.has(this.remotePort ?? 0) && !isTestsOwn(args)) count++
      return write.apply(this, args)
    } as never)
  })
  return () => {
    for (const spy of spies) spy.mockRestore()
    return count
  }
}

/** What the tests themselves ask of a server: `command()` of it. */
const isTestsOwn = ([data]: unknown[]) => /RESETSTAT|commandstats/.test(String(data))
