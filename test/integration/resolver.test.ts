import { CacheConfigError, type CacheOptions, createCache } from 'cachewell'
import { Redis } from 'ioredis'
import MockRedis from 'ioredis-mock'
import { Redis as Redis6 } from 'ioredis6'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { counting, isCached, openCache, openReady, timed } from './open-cache.ts'

beforeEach(() => {
  vi.stubEnv('CACHE_URL', undefined)
  vi.stubEnv('REDIS_URL', undefined)
})
afterEach(() => vi.unstubAllEnvs())

/** Whether the second call of a function is answered from the cache. */
async function caches(options: CacheOptions): Promise<boolean> {
  const { cache, of } = openCache(options)
  const call = cache.cached(counting(), { key: `k${Math.random()}`.replace('.', ''), ttl: 60 })
  await call()
  await until(() => of('store').length > 0 || of('bypass').length > 0)
  return (await call()) === 1
}

describe('where nothing says where to store', () => {
  test('caching is off, which is said in one line', async () => {
    const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    const { cache, of } = openCache({ logger })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    expect([await call(), await call()]).toEqual([1, 2])
    expect(logger.info).toHaveBeenCalledTimes(1)
    expect(logger.info.mock.calls[0]?.[0]).toMatch(/caching is off.*CACHE_URL/)
    expect(logger.warn).not.toHaveBeenCalled()
    expect(of('bypass').map(({ reason }) => reason)).toEqual(['disabled', 'disabled'])
    expect(await cache.set('k', 1, { ttl: 60 })).toBe(false)
    expect(await cache.get('k')).toBeUndefined()
    expect(await cache.increment('n', 1, { ttl: 60 })).toBeUndefined()
    expect(await cache.invalidate('*')).toEqual({ removed: 0, deferred: false })
  })

  test.each<[string, CacheOptions]>([
    ['an empty string', { url: '' }],
    ['a function that returns nothing', { url: () => undefined }],
    ['a function that returns an empty string', { url: async () => '' }],
    ['null:', { url: 'null:' }],
  ])('%s means off, whatever the environment says', async (_what, options) => {
    vi.stubEnv('CACHE_URL', 'memory:')
    expect(await caches(options)).toBe(false)
  })
})

describe('a URL', () => {
  test.each<[string, CacheOptions, Record<string, string>, boolean]>([
    ['as an option', { url: 'memory:' }, {}, true],
    ['as an option, over the environment', { url: 'memory:' }, { CACHE_URL: 'null:' }, true],
    ['of a function', { url: () => 'memory:' }, {}, true],
    ['of an asynchronous function', { url: async () => 'memory:' }, {}, true],
    ['in CACHE_URL', {}, { CACHE_URL: 'memory:' }, true],
    ['in CACHE_URL, over REDIS_URL', {}, { CACHE_URL: 'null:', REDIS_URL: 'memory:' }, false],
    ['in REDIS_URL', {}, { REDIS_URL: 'memory:' }, true],
    ['in REDIS_URL, under an empty CACHE_URL', {}, { CACHE_URL: '', REDIS_URL: 'memory:' }, true],
  ])('%s', async (_what, options, environment, expected) => {
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
    expect(await caches(options)).toBe(expected)
  })

  test.each([
    ['http://host', 'scheme'],
    ['localhost:6379', 'scheme'],
    ['redis:/host', 'scheme'],
    ['redis://', 'host'],
    ['redis://host/name', 'database number'],
    ['redis://:p#ss@host', 'valid URL|host|database'],
    ['redis+cluster://a:1,b:2/3', 'only one'],
    ['redis+cluster://a:1,', 'names no host'],
    ['redis+cluster://a:0', 'port 0'],
    ['redis+cluster://a?b', 'cannot be read'],
    ['redis+cluster://a:99999', 'host:port'],
    ['redis+sentinel://a:1,b:2', 'mymaster'],
    ['redis+unix://a', 'unknown scheme'],
    [42, 'string or a function'],
  ])('%j is refused where the cache is declared', (url, message) => {
    expect(() => createCache({ url: url as string })).toThrow(CacheConfigError)
    expect(() => createCache({ url: url as string })).toThrow(new RegExp(message))
  })

  test('of a function is asked for at the first call, once', async () => {
    const url = vi.fn(async () => 'memory:')
    const { cache } = openCache({ url })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    expect(url).not.toHaveBeenCalled()
    await Promise.all([call(), call(), cache.get('x')])
    await call()
    expect(url).toHaveBeenCalledTimes(1)
  })

  test.each<[string, () => string | Promise<string>]>([
    [
      'throws',
      () => {
        throw new Error('the vault is sealed')
      },
    ],
    ['rejects', () => Promise.reject(new Error('the vault is sealed'))],
    ['returns something else', () => 42 as never],
    ['returns a bad URL', () => 'ftp://host'],
  ])('of a function that %s leaves the calls alone, and is asked again later', async (_what, fail) => {
    let healed = false
    const url = vi.fn(() => (healed ? 'memory:' : fail()))
    const { cache, of } = openCache({ url })
    const load = counting()
    const call = cache.cached(load, { key: 'k', ttl: 60 })
    for (let i = 1; i <= 50; i++) expect(await call()).toBe(i)
    expect(url).toHaveBeenCalledTimes(1)
    expect(of('trouble')).toMatchObject([{ operation: 'open' }])
    healed = true
    await until(() => isCached(call), { label: 'a hit', everyMs: 50 })
  })

  test('of a function that is slow holds the first calls up for a moment, and the rest not at all', async () => {
    let answer!: (url: string) => void
    const { cache } = openCache({ url: () => new Promise<string>((resolve) => (answer = resolve)) })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    const first = await timed(() => Promise.all([call(), call()]))
    expect(first.ms).toBeLessThan(1_500)
    expect((await timed(call)).ms).toBeLessThan(100)
    answer('memory:')
    await until(() => isCached(call))
  })
})

describe('a client', () => {
  test('with a keyPrefix is refused', () => {
    const options = { keyPrefix: 'app:', lazyConnect: true }
    for (const client of [new Redis(options), new Redis6(options), new MockRedis(options)]) {
      expect(() => createCache({ client: client as never })).toThrow(/keyPrefix 'app:'.*prefix instead/)
      client.disconnect()
    }
  })

  test('that is none, or beside a url, is refused', () => {
    expect(() => createCache({ client: {} as never })).toThrow('must be an ioredis client')
    expect(() => createCache({ client: 'redis://host' as never })).toThrow('must be an ioredis client')
    const client = new Redis({ lazyConnect: true })
    expect(() => createCache({ client, url: 'memory:' })).toThrow('contradict')
  })

  test('of ioredis-mock caches, and invalidates', async () => {
    const client = new MockRedis({ host: 'resolver' })
    const { cache, of } = openCache({ client: client as never })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    expect(await call(1)).toBe(1)
    await until(() => of('store').length === 1)
    expect(await call(1)).toBe(1)
    expect(await cache.invalidate('k:*')).toEqual({ removed: 1, deferred: false })
    expect(await call(1)).toBe(2)
    expect(of('trouble')).toEqual([])
  })
})

describeRedis('a real Redis', () => {
  test('whose database there is not stores nothing in another one', async () => {
    await using server = await RedisServer.start({ args: ['--databases', '2'] })
    const { cache } = openCache({ url: `${server.url}/5` })
    expect(await cache.set('k', 'v', { ttl: 60 })).toBe(false)
    expect(await server.command('DBSIZE')).toBe(0)
    const inOther = openCache({ url: `${server.url}/1` })
    await until(() => inOther.cache.set('k', 'v', { ttl: 60 }))
    expect(await server.command('DBSIZE')).toBe(0)
  })

  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  beforeEach(() => server.command('FLUSHALL') as Promise<never>)

  test('by a URL, in CACHE_URL and with a database', async () => {
    expect(await caches({ url: server.url })).toBe(true)
    vi.stubEnv('CACHE_URL', `${server.url}/3`)
    expect(await caches({})).toBe(true)
    expect(String(await server.command('INFO', 'keyspace'))).toMatch(/db0:keys=1[\s\S]*db3:keys=1/)
  })

  test('is not connected to before the first call', async () => {
    const clients = async () =>
      String(await server.command('CLIENT', 'LIST', 'TYPE', 'normal'))
        .trim()
        .split('\n').length
    await until(async () => (await clients()) === 1)
    await server.command('CONFIG', 'RESETSTAT')
    const { cache } = openCache({ url: server.url })
    const client = new Redis(server.url, { lazyConnect: true })
    const second = openCache({ client })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    const other = second.cache.cached(counting(), { key: 'other', ttl: 60 })
    call.keyFor()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await clients()).toBe(1)
    await Promise.all([call(), other()])
    expect(await clients()).toBe(3)
    // The one that was given stays as it was.
    expect(client.status).toBe('wait')
  })

  test.each([
    ['5', () => new Redis(server.url)],
    [
      '5, with options that would harm',
      () =>
        new Redis(server.url, {
          stringNumbers: true,
          enableAutoPipelining: true,
          commandTimeout: 5_000,
          maxRetriesPerRequest: null,
          lazyConnect: true,
        }),
    ],
    ['6', () => new Redis6(server.url)],
    ['6, with RESP2', () => new Redis6(server.url, { protocol: 2 } as object)],
    [
      '6, with options that would harm',
      () => new Redis6(server.url, { stringNumbers: true, enableAutoPipelining: true, lazyConnect: true }),
    ],
  ])('by a client of ioredis %s: everything works, and the client stays its owner’s', async (_version, make) => {
    const client = make()
    const { cache, of } = openCache({ client })
    const load = counting((run) => ({ run, at: new Date(run) }))
    const call = cache.cached(load, { key: 'k', ttl: 60 })
    expect(await call(1)).toEqual({ run: 1, at: new Date(1) })
    await until(() => of('store').length === 1)
    expect(of('store')).toMatchObject([{ stored: true }])
    expect(await call(1)).toEqual({ run: 1, at: new Date(1) })
    expect(await cache.set('a', 1, { ttl: 60 })).toBe(true)
    expect(await cache.getMany(['a', 'b'])).toEqual([1, undefined])
    expect(await cache.increment('n', 3, { ttl: 60 })).toBe(3)
    expect(await cache.invalidate('k:*')).toEqual({ removed: 1, deferred: false })
    expect(await cache.invalidate('*')).toEqual({ removed: 2, deferred: false })
    expect(await call(1)).toEqual({ run: 2, at: new Date(2) })
    await cache.close()
    expect(await client.ping().catch(() => 'PONG')).toBe('PONG')
    expect(of('trouble')).toEqual([])
    client.disconnect()
  })

  test('a client whose server is away harms nothing, nor does its own reconnecting', async () => {
    const away = new Redis({ port: 1, lazyConnect: true })
    const { cache } = openCache({ client: away })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    expect([await call(), await call()]).toEqual([1, 2])
    expect(away.status).toBe('wait')
  })

  test('in production, a cache without a prefix says so once', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    const { cache } = await openReady({ url: server.url, prefix: undefined, logger })
    await cache.get('a')
    await cache.get('b')
    expect(logger.warn).toHaveBeenCalledTimes(1)
    expect(logger.warn.mock.calls[0]?.[0]).toContain('CACHE_PREFIX')
  })
})
