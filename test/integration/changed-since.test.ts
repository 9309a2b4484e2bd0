import { type Cache, type CacheOptions, commitScope } from 'cachewell'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sleep } from '../support/real-time.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { openReady } from './open-cache.ts'

// Arguments, keys and values may be objects, and whoever has called with them may change them: a search that is turned page
// by page, a query that is built up. What is stored at a key is what the key says.

interface Query {
  page: number
}

function describeChanges(where: () => CacheOptions): void {
  const open = async () => (await openReady(where())).cache
  const rowsOf = async ({ page }: Query) => `rows of page ${page}`

  test('what a call has loaded with other arguments than its key was made of is not stored, nor shared', async () => {
    const list = (await open()).cached(rowsOf, { key: 'list:{0.page}', ttl: 60 })
    const query = { page: 1 }
    const calls = [list(query), list({ page: 1 }), list({ page: 1 })]
    query.page = 2
    calls.push(list(query))
    expect((await Promise.all(calls)).slice(1)).toEqual(['rows of page 1', 'rows of page 1', 'rows of page 2'])
    await sleep(20)
    for (const page of [1, 2]) expect(await list({ page })).toBe(`rows of page ${page}`)
  })

  test('nor is what is renewed in the background', async () => {
    const cache = await open()
    let runs = 0
    const list = cache.cached(async (query: Query) => [await rowsOf(query), ++runs] as const, {
      ...{ key: 'list:{0.page}', ttl: '50ms', staleWhileRevalidate: '1h' },
    })
    const turn = async (query: Query) => {
      for (query.page = 1; query.page <= 3; query.page++) await list(query)
    }
    await turn({ page: 1 })
    await sleep(80)
    await turn({ page: 1 })
    await sleep(20)
    for (const page of [1, 2, 3]) expect((await list({ page }))[0]).toBe(`rows of page ${page}`)
    // It is renewed for who does not change his arguments.
    await until(async () => (await list({ page: 1 }))[1] > 3)
  })

  test('nor is that of many ids whose further arguments are changed', async () => {
    const cache = await open()
    const names = cache.cachedMany(
      async (ids: number[], { lang }: { lang: string }) => ids.map((id) => `${id} in ${lang}`),
      { key: 'name:{0}:{1.lang}', ttl: '50ms', staleWhileRevalidate: '1h' },
    )
    const turn = async (given: { lang: string }) => {
      for (given.lang of ['de', 'en', 'fr']) await names([1, 2], given)
      given.lang = 'xx'
    }
    await turn({ lang: '' })
    const given = { lang: 'it' }
    const first = names([1, 2], given)
    given.lang = 'es'
    await first
    await sleep(80)
    await turn({ lang: '' })
    await sleep(20)
    for (const lang of ['de', 'en', 'fr', 'it', 'es']) {
      expect(await names([1, 2], { lang })).toEqual([`1 in ${lang}`, `2 in ${lang}`])
    }
  })

  test('nor what its tags were made of', async () => {
    const cache = await open()
    const rows: Record<string, string> = { a: 'rows of a', b: 'rows of b' }
    const list = cache.cached(async ({ org }: { id: number; org: string }) => rows[org], {
      ...{ key: 'list:{0.id}', ttl: 60, tags: ({ org }: { org: string }) => [`org:${org}`] },
    })
    const query = { id: 1, org: 'a' }
    const first = list(query)
    query.org = 'b'
    await first
    await sleep(20)
    rows.b = 'new rows of b'
    await cache.invalidateTags('org:b')
    expect(await list({ id: 1, org: 'b' })).toBe('new rows of b')
  })

  test('what a batch throws that was called with other arguments is for nobody who has not changed his own', async () => {
    const cache = await open()
    const names = cache.cachedMany(
      async (ids: number[], { lang }: { lang: string }) => {
        if (lang === 'xx') throw new Error('no such language')
        return ids.map((id) => `${id} in ${lang}`)
      },
      { key: 'name:{0}:{1.lang}', ttl: 60 },
    )
    let [threw, served] = [0, 0]
    for (let turns = 0; turns < 12; turns++) {
      await names.invalidate([1, 2, 3], { lang: 'it' })
      const given = { lang: 'it' }
      const first = names([1, 2, 3], given).catch(() => threw++)
      const second = names([1, 2], { lang: 'it' })
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      given.lang = 'xx'
      await first
      expect(await second).toEqual(['1 in it', '2 in it'])
      served++
    }
    expect(served).toBe(12)
  })

  test('an array that is not changed before its load, but by it, is cached', async () => {
    const cache = await open()
    let runs = 0
    const sorted = cache.cached(async (list: number[]) => [++runs, ...list.sort()], { key: 'sorted', ttl: 60 })
    await sorted([3, 1])
    await sleep(20)
    expect(await sorted([3, 1])).toEqual([1, 1, 3])
  })

  test('set stores at the key of the call, at once or at the commit', async () => {
    const cache = await open()
    const name = cache.cached(async (n: number) => `loaded ${n}`, { key: 'name', ttl: 60 })
    const args: [number] = [0]
    await commitScope(async () => {
      for (args[0] = 1; args[0] <= 3; args[0]++) await name.set(args, `set ${args[0]}`)
    })
    expect([await name.peek(1), await name.peek(2), await name.peek(3)]).toEqual(['set 1', 'set 2', 'set 3'])
    args[0] = 5
    const stored = name.set(args, 'set 5')
    args[0] = 6
    expect([await stored, await name.peek(5), await name.peek(6)]).toEqual([true, 'set 5', undefined])
    await expect(name.set(7 as never, 'seven')).rejects.toThrow('set takes the arguments of a call as a list')
  })

  test('an update stores at the commit what it has returned, as that was then', async () => {
    const cache = await open()
    class Users {
      @cache.CacheUpdate({ key: 'user:{0}', ttl: 60 })
      async save(_id: number, name: string) {
        return { name }
      }
    }
    await commitScope(async () => {
      const saved = await new Users().save(1, 'committed')
      saved.name = 'changed since'
    })
    expect(await cache.get('user:1')).toEqual({ name: 'committed' })
  })

  test('peek looks at the key of the call', async () => {
    const cache = await open()
    const name = cache.cached(async ({ n }: { n: number }) => `name ${n}`, { key: 'name:{0.n}', ttl: 60 })
    for (const n of [1, 2]) await name.set([{ n }], `name ${n}`)
    const given = { n: 1 }
    const peeked = name.peek(given)
    given.n = 2
    expect(await peeked).toBe('name 1')
  })

  test('and the value as it was then', async () => {
    const cache = await open()
    const name = cache.cached(async (n: number) => ({ n }), { key: 'name', ttl: 60 })
    const value = { n: 0 }
    await commitScope(async () => {
      value.n = 1
      await name.set([1], value)
      value.n = 2
      await cache.set('two', value, { ttl: 60 })
      await cache.setMany([['three', value]], { ttl: 60 })
      value.n = 4
    })
    expect(await allOf(cache)).toEqual([{ n: 1 }, { n: 2 }, { n: 2 }])
    const stored = Promise.all([name.set([1], value), cache.set('two', value, { ttl: 60 })])
    value.n = 5
    await stored
    expect(await allOf(cache)).toEqual([{ n: 4 }, { n: 4 }, { n: 2 }])
    async function allOf({ get }: Cache) {
      return [await name.peek(1), await get('two'), await get('three')]
    }
  })
}

describe('what has changed since the call, in memory', () => {
  describeChanges(() => ({ url: 'memory:' }))
})

describeRedis('what has changed since the call, in Redis', () => {
  let server: RedisServer
  let count = 0
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  describeChanges(() => ({ url: server.url, prefix: `changes${++count}` }))
})
