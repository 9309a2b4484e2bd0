import RedisMock from 'ioredis-mock'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Cache, type CacheOptions, createCache } from '../../src/index.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { commandCounts, openReady } from './open-cache.ts'

interface User {
  readonly id: number
  readonly org: string
}

/** A load that the test lets go on. */
class Gate {
  open!: () => void
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve
  })
}

function tagTests(name: string, options: () => CacheOptions) {
  const opened: Cache[] = []
  const open = () => {
    const cache = createCache({ logger: false, prefix: 'tagged', ...options() })
    opened.push(cache)
    return cache
  }
  afterEach(async () => {
    for (const cache of opened.splice(0)) {
      await cache.invalidate('*')
      await cache.close()
    }
  })

  it(`${name}: ends entries by tags of the arguments and of the result`, async () => {
    const cache = open()
    let loads = 0
    const user = cache.cached(
      async (id: number): Promise<User> => ({ id: ++loads * 0 + id, org: id < 10 ? 'small' : 'large' }),
      {
        key: 'user',
        ttl: '1m',
        tags: (id: number) => ['users', `user:${id}`],
        resultTags: (found: User) => [`org:${found.org}`],
      },
    )
    const ask = async (...ids: number[]) => {
      const before = loads
      for (const id of ids) expect(await user(id)).toEqual({ id, org: id < 10 ? 'small' : 'large' })
      return loads - before
    }
    expect(await ask(1, 2, 11)).toBe(3)
    expect(await ask(1, 2, 11)).toBe(0)
    expect(await cache.invalidateTags('user:1')).toEqual({ deferred: false })
    expect(await ask(1, 2, 11)).toBe(1)
    await cache.invalidateTags('org:small')
    expect(await ask(1, 2, 11)).toBe(2)
    await cache.invalidateTags('org:large', 'nobody')
    expect(await ask(1, 2, 11)).toBe(1)
    await cache.invalidateTags('users')
    expect(await ask(1, 2, 11)).toBe(3)
    expect(await ask(1, 2, 11)).toBe(0)
    expect(cache.stats().invalidations).toBe(5)
  })

  it(`${name}: does not keep, nor give to later callers, what was loaded before the tag was invalidated`, async () => {
    const cache = open()
    let version = 1
    let gate = new Gate()
    const read = cache.cached(
      async (_id: number) => {
        const seen = version
        await gate.opened
        return seen
      },
      { key: 'read', ttl: '1m', tags: ['all'] },
    )
    const early = read(1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    version = 2
    await cache.invalidateTags('all')
    const late = read(1)
    gate.open()
    gate = new Gate()
    gate.open()
    expect(await early).toBe(1)
    expect(await late).toBe(2)
    expect(await read(1)).toBe(2)
  })

  it(`${name}: does not keep what was loaded before a tag of its result was invalidated`, async () => {
    const cache = open()
    let version = 1
    const gate = new Gate()
    const read = cache.cached(
      async (_id: number) => {
        const seen = version
        if (seen === 1) await gate.opened
        return { seen }
      },
      { key: 'result', ttl: '1m', resultTags: () => ['result'] },
    )
    const early = read(1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    version = 2
    await cache.invalidateTags('result')
    gate.open()
    expect(await early).toEqual({ seen: 1 })
    expect(await read(1)).toEqual({ seen: 2 })
    expect(await read(1)).toEqual({ seen: 2 })
  })

  it(`${name}: ends what was set directly, and what a decorator names`, async () => {
    const cache = open()
    class Sales {
      total = 1
      @cache.Cached({ key: 'total', ttl: '1m', tags: ['sales'] })
      async sum() {
        return this.total
      }
      @cache.CacheInvalidate({ tags: (shop: string) => ['sales', `shop:${shop}`] })
      async record(_shop: string) {
        this.total++
      }
    }
    const sales = new Sales()
    await cache.set('direct', 'kept', { ttl: '1m', tags: ['shop:a'] })
    expect(await cache.get('direct')).toBe('kept')
    expect(await sales.sum()).toBe(1)
    await sales.record('a')
    expect(await sales.sum()).toBe(2)
    expect(await cache.get('direct')).toBeUndefined()
  })
}

describe('tags in memory', () => tagTests('memory', () => ({ url: 'memory:' })))
describe('tags over ioredis-mock', () => tagTests('ioredis-mock', () => ({ client: new RedisMock() })))

describeRedis('tags in Redis', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await RedisServer.start()
  })
  afterAll(() => redis[Symbol.asyncDispose]())

  tagTests('redis', () => ({ url: redis.url }))

  it('holds between processes: a later caller in one does not join a load that another has ended', async () => {
    const [one, other] = [1, 2].map(() => createCache({ url: redis.url, prefix: 'two', logger: false }))
    if (!one || !other) throw new Error('two caches')
    let version = 1
    const gate = new Gate()
    const load = async () => {
      const seen = version
      if (seen === 1) await gate.opened
      return seen
    }
    const read = one.cached(load, { key: 'read', ttl: '1m', tags: ['all'] })
    const early = read()
    await new Promise((resolve) => setTimeout(resolve, 30))
    version = 2
    expect(await other.invalidateTags('all')).toEqual({ deferred: false })
    const late = read()
    gate.open()
    expect([await early, await late]).toEqual([1, 2])
    await Promise.all([one.close(), other.close()])
  })

  it('treats a lost stamp as a miss', async () => {
    const cache = createCache({ url: redis.url, prefix: 'lost', logger: false })
    let loads = 0
    const read = cache.cached(async () => ++loads, { key: 'read', ttl: '1m', tags: ['frail'] })
    expect([await read(), await read()]).toEqual([1, 1])
    expect(await redis.command('DEL', 'lost#frail')).toBe(1)
    expect([await read(), await read()]).toEqual([2, 2])
    await cache.close()
  })

  it('reads an entry and the stamps of its tags in one command', async () => {
    const { cache } = await openReady({ url: redis.url, prefix: 'together' })
    const read = cache.cached(async (id: number) => id, { key: 'read', ttl: '1m', tags: (id) => [`u:${id}`, 'all'] })
    await read(1)
    await until(() => cache.stats().stores === 1)
    await redis.command('CONFIG', 'RESETSTAT')
    expect([await read(1), await read(1)]).toEqual([1, 1])
    expect(cache.stats().hits).toBe(2)
    const counts = await commandCounts(redis)
    expect([counts.mget, counts.get]).toEqual([2, undefined])
  })

  it('ends 100,000 entries with one command for each tag', async () => {
    const cache = createCache({ url: redis.url, prefix: 'many', logger: false })
    const items = Array.from({ length: 100_000 }, (_, i) => [['item', i], i] as const)
    for (let i = 0; i < items.length; i += 5_000) {
      expect(await cache.setMany(items.slice(i, i + 5_000), { ttl: '10m', tags: ['items'] })).toBe(true)
    }
    expect(await cache.get(['item', 77_777])).toBe(77_777)
    await redis.command('CONFIG', 'RESETSTAT')
    await cache.invalidateTags('items')
    const stats = String(await redis.command('INFO', 'commandstats'))
    // One for the tag, and one for the stamp of any tag; a script counts as itself and as the SET that it runs.
    const scripts = [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].map(([, calls]) => Number(calls))
    // (A first EVALSHA may be answered with NOSCRIPT and followed by EVAL.)
    expect(scripts.reduce((sum, calls) => sum + calls, 0)).toBeLessThanOrEqual(3)
    expect(stats).toContain('cmdstat_set:calls=2')
    expect(stats).not.toMatch(/cmdstat_(unlink|del|scan|keys)/)
    expect(await cache.getMany([0, 50_000, 99_999].map((i) => ['item', i]))).toEqual([undefined, undefined, undefined])
    await cache.close()
  })
})
