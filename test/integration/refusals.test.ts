import type { Cache } from 'cachewell'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { rawCommand } from '../support/raw-command.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer, type RedisServerOptions } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { counting, isCached, median, openCache, openReady, timed } from './open-cache.ts'

describeRedis('a Redis that answers, but refuses', () => {
  const servers: RedisServer[] = []
  afterEach(() => Promise.all(servers.splice(0).map((server) => server[Symbol.asyncDispose]())))
  const start = async (options?: RedisServerOptions) => {
    const server = await RedisServer.start(options)
    servers.push(server)
    return server
  }

  /** Whatever is wrong: results and errors come through, and quickly. */
  async function expectHarmless(cache: Cache) {
    const error = new Error('of the function')
    const good = cache.cached(async (i: number) => ({ i }), { key: 'good', ttl: 60 })
    const bad = cache.cached(async () => Promise.reject(error), { key: 'bad', ttl: 60 })
    expect(await Promise.all([1, 2, 1].map((i) => good(i)))).toEqual([{ i: 1 }, { i: 2 }, { i: 1 }])
    await expect(bad()).rejects.toBe(error)
    const costs: number[] = []
    for (let i = 0; i < 30; i++) costs.push((await timed(() => good(i))).ms)
    expect(median(costs)).toBeLessThan(20)
    expect(await cache.set('direct', 1, { ttl: 60 })).toBe(false)
    expect(await cache.increment('n', 1, { ttl: 60 })).toBeUndefined()
  }

  test('since it is full: what is stored is served, what is not is loaded', async () => {
    const server = await start({ args: ['--maxmemory-policy', 'noeviction'] })
    const { cache, of } = await openReady({ url: server.url })
    const load = counting()
    const call = cache.cached(load, { key: 'k', ttl: 60 })
    await call('stored')
    await until(() => of('store').length === 1)
    await server.command('CONFIG', 'SET', 'maxmemory', '1')
    expect(await call('stored')).toBe(1)
    expect([await call('new'), await call('new')]).toEqual([2, 3])
    await expectHarmless(cache)
    expect(new Set(of('trouble').map(({ error }) => error.code))).toEqual(new Set(['OOM']))
    expect(of('connection').map(({ state }) => state)).toEqual(['ready'])
    expect(await cache.invalidate('*')).toEqual({ removed: 1, deferred: false })

    await server.command('CONFIG', 'SET', 'maxmemory', '0')
    const value = await call('new')
    await until(() => of('store').at(-1)?.stored)
    expect(await call('new')).toBe(value)
  })

  test('since it is a replica: nothing is served that may be old, an invalidation is kept for later', async () => {
    const primary = await start({ args: ['--repl-diskless-sync-delay', '0'] })
    const replica = await start({ args: ['--replicaof', '127.0.0.1', String(primary.port)] })
    await until(async () => String(await replica.command('INFO', 'replication')).includes('master_link_status:up'))
    const writer = await openReady({ url: primary.url })
    const reader = openCache({ url: replica.url })
    expect(await writer.cache.set('shared', { from: 'primary' }, { ttl: 60 })).toBe(true)
    await until(async () => (await replica.command('EXISTS', 'test::shared')) === 1)
    expect(await reader.cache.get('shared')).toBeUndefined()
    const call = reader.cache.cached(counting(), { key: 'k', ttl: 60 })
    expect([await call(), await call()]).toEqual([1, 2])
    await expectHarmless(reader.cache)
    expect(new Set(reader.of('trouble').map(({ error }) => error.code))).toEqual(new Set(['READONLY']))

    // It cannot be carried out here, so from here on nothing is served that it might have removed.
    expect(await reader.cache.invalidate('shared')).toEqual({ removed: 0, deferred: true })
    expect(await reader.cache.get('shared')).toBeUndefined()
    await replica.command('REPLICAOF', 'NO', 'ONE')
    await until(() => isCached(call), { label: 'a hit on the new primary' })
    expect(await replica.command('EXISTS', 'test::shared')).toBe(0)
  })

  test('since it was made a replica and has kept its connections: readers notice within a minute', async () => {
    const server = await start()
    let aheadMs = 0
    const clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
    const { cache, of } = await openReady({ url: server.url, clock })
    const call = cache.cached(counting(), { key: 'k', ttl: '1h' })
    await until(() => isCached(call))
    await server.command('REPLICAOF', '127.0.0.1', '1')
    expect(await isCached(call)).toBe(true)
    aheadMs = 61_000
    await call()
    await until(() => of('connection').some(({ state }) => state === 'lost'))
    expect(of('connection').at(-1)).toMatchObject({ error: { code: 'READONLY' } })
    expect(await isCached(call)).toBe(false)
  })

  test.each([
    ['a wrong password', 'redis://:wrong@', 'WRONGPASS', ['CONFIG', 'SET', 'requirepass', 'wrong']],
    ['no password', 'redis://', 'NOAUTH', ['ACL', 'SETUSER', 'default', 'nopass']],
    ['an unknown user', 'redis://nobody:pw@', 'WRONGPASS', ['ACL', 'SETUSER', 'nobody', 'on', '>pw', '~*', '+@all']],
  ] as const)('for %s: the calls go on, and the reason is told once', async (_what, head, code, repair) => {
    const server = await start({ password: 'right' })
    const { cache, of } = openCache({ url: server.url.replace('redis://:right@', head) })
    await expectHarmless(cache)
    await until(() => of('connection').length > 0)
    expect(of('connection')).toMatchObject([{ state: 'failed', error: { code } }])

    await rawCommand({ host: '127.0.0.1', port: server.port, password: 'right' }, ...repair)
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    await until(() => isCached(call), { label: 'a hit', everyMs: 50 })
  })

  test('by its ACL, other keys than ours: nothing is noticed', async () => {
    const server = await start()
    await server.command('ACL', 'SETUSER', 'app', 'on', '>pw', '~test::*', '+@all', '-@dangerous')
    const { cache, of } = await openReady({ url: server.url.replace('redis://', 'redis://app:pw@') })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    await call()
    await until(() => of('store').length === 1)
    expect(await call()).toBe(1)
    expect(await cache.invalidate('*')).toEqual({ removed: 1, deferred: false })
    expect(of('trouble')).toEqual([])
  })

  test('by its ACL, our keys: the calls go on, and the connection stands', async () => {
    const server = await start()
    await server.command('ACL', 'SETUSER', 'app', 'on', '>pw', '~other::*', '+@all')
    const { cache, of } = await openReady({ url: server.url.replace('redis://', 'redis://app:pw@') })
    await expectHarmless(cache)
    expect(new Set(of('trouble').map(({ error }) => error.code))).toEqual(new Set(['NOPERM']))
    expect(of('connection').map(({ state }) => state)).toEqual(['ready'])
  })

  test.each([
    ['+@all -@scripting', 'scripts'],
    ['+@all -@write', 'writes'],
    ['+@all -@read', 'reads'],
    ['+@all -ping -time', 'PING and TIME'],
  ])('by its ACL, commands (%s): the calls go on without %s', async (rules) => {
    const server = await start()
    await server.command('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', ...rules.split(' '))
    const { cache, events } = openCache({ url: server.url.replace('redis://', 'redis://app:pw@') })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    for (let i = 1; i <= 3; i++) expect(await call()).toBe(i)
    // What a script may not do is a plain ERR.
    expect(JSON.stringify(events)).toMatch(/"code":"(NOPERM|ERR)"/)
  })

  test('since it loads its data: the calls go on, and are cached when it is done', async () => {
    const slowly = ['--key-load-delay', '10000', '--loading-process-events-interval-bytes', '1024']
    const server = await start({ args: ['--enable-debug-command', 'yes', ...slowly] })
    await server.command('DEBUG', 'POPULATE', '300')
    const { cache, of } = await openReady({ url: server.url })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    await call()
    await until(() => of('store').length === 1)
    const reload = server.command('DEBUG', 'RELOAD')
    await until(async () => /loading:1/.test(String(await server.command('INFO', 'persistence'))))
    const before = of('miss').length
    const costs: number[] = []
    for (let i = 0; i < 10; i++) costs.push((await timed(call)).ms)
    expect(of('miss').length).toBeGreaterThan(before)
    expect(of('trouble').map(({ error }) => error.code)).toContain('LOADING')
    expect(median(costs)).toBeLessThan(150)
    await reload
    await until(() => isCached(call), { label: 'a hit', everyMs: 20 })
  })
})
