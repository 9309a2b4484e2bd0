import type { Cache } from 'cachewell'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { blackHole, TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { becomesNear, lastTier } from './near-copies.ts'
import { commandCounts, counting, openReady } from './open-cache.ts'

describeRedis('a near cache', () => {
  test('answers without a command to Redis, in a stated share of the hits', async () => {
    await using server = await RedisServer.start()
    const opened = await openReady({ url: server.url, near: true })
    const call = opened.cache.cached(
      counting((run, id) => ({ run, id })),
      { key: 'k', ttl: 60 },
    )
    const value = await becomesNear(opened, () => call('a'))
    await server.command('CONFIG', 'RESETSTAT')
    const before = opened.cache.stats()
    for (let i = 0; i < 100; i++) expect(await call('a')).toEqual(value)
    const { get, mget } = await commandCounts(server)
    expect([get, mget]).toEqual([undefined, undefined])
    const after = opened.cache.stats()
    expect([after.hits - before.hits, after.nearHits - before.nearHits]).toEqual([100, 100])
    expect(after.near).toMatchObject({ items: 1, maxStalenessMs: 2_000 })
    expect(after.near?.bytes).toBeGreaterThan(100)
    expect(after.near?.stalenessMs).toBeLessThanOrEqual(2_000)
  })

  test.each([
    ['DEL', ['DEL', 'test::k']],
    ['UNLINK', ['UNLINK', 'test::k']],
    ['SET', ['SET', 'test::k', 'another program']],
    ['EXPIRE', ['EXPIRE', 'test::k', '0']],
    ['FLUSHALL', ['FLUSHALL']],
    ['RENAME', ['RENAME', 'test::k', 'gone']],
  ] as const)("another program's %s ends the copy", async (_name, command) => {
    await using server = await RedisServer.start()
    const opened = await openReady({ url: server.url, near: true })
    const call = opened.cache.cached(counting(), { key: 'k', ttl: 60 })
    expect(await becomesNear(opened, call)).toBe(1)
    await server.command(...(command as unknown as [string]))
    await opened.cache.barrier()
    expect(await call()).toBe(2)
  })

  test('the process that invalidates follows at once: by key, pattern and tag', async () => {
    await using server = await RedisServer.start()
    const opened = await openReady({ url: server.url, near: true })
    const { cache } = opened
    const call = cache.cached(counting(), { key: 'k', ttl: 60, tags: () => ['t'] })
    for (const way of [...waysToChange(cache), () => call.invalidate()]) {
      const value = await becomesNear(opened, call)
      await way()
      expect(await call()).not.toBe(value)
    }
  })

  test.each([
    ['near', {}],
    ['near, over the same key', { tier: 'redis' }],
  ] as const)(
    'a call after a refresh is served what that has brought, or what it has not: %s',
    async (_name, options) => {
      await using server = await RedisServer.start()
      const opened = await openReady({ url: server.url, near: true })
      let value: number | undefined = 0
      const load = async () => value
      const call = opened.cache.cached(load, { key: 'k', ttl: 60 })
      const refreshed = opened.cache.cached(load, { key: 'k', ttl: 60, ...options })
      for (value = 1; value <= 20; value++) {
        await becomesNear(opened, call)
        expect(await refreshed.refresh()).toBe(value)
        expect(await call()).toBe(value)
      }
      await becomesNear(opened, call)
      value = undefined
      expect(await refreshed.refresh()).toBe(undefined)
      expect(await call()).toBe(undefined)
    },
  )

  test('other processes follow when they have heard of it: by key, pattern and tag', async () => {
    await using server = await RedisServer.start()
    const writer = await openReady({ url: server.url })
    const opened = await openReady({ url: server.url, near: true })
    const call = opened.cache.cached(counting(), { key: 'k', ttl: 60, tags: () => ['t'] })
    for (const way of waysToChange(writer.cache)) {
      const value = await becomesNear(opened, call)
      await way()
      await opened.cache.barrier()
      expect(await call()).not.toBe(value)
    }
  })

  test('a removal that is deferred ends the copies of this process', async () => {
    await using server = await RedisServer.start()
    await using proxy = await TcpProxy.start(server)
    const opened = await openReady({ url: proxy.via(server.url), near: true, commandTimeout: '100ms' })
    const call = opened.cache.cached(counting(), { key: 'k', ttl: 60 })
    expect(await becomesNear(opened, call)).toBe(1)
    const heal = proxy.apply(blackHole())
    expect(await opened.cache.invalidate('k')).toMatchObject({ deferred: true })
    expect(await call()).toBe(2)
    heal()
  })

  describe('serves nothing that may be older than maxStaleness', () => {
    test('when the server says nothing any more', async () => {
      await using server = await RedisServer.start()
      await using proxy = await TcpProxy.start(server)
      // So that only the bound ends it: the connection is not given up meanwhile.
      const options = { near: { maxStaleness: '300ms' }, commandTimeout: '5s' } as const
      const opened = await openReady({ url: proxy.via(server.url), ...options })
      const call = opened.cache.cached(counting(), { key: 'k', ttl: 60 })
      expect(await becomesNear(opened, call)).toBe(1)
      const heldUp = performance.now()
      proxy.apply(blackHole())
      await server.command('DEL', 'test::k')
      let servedAt = heldUp
      await until(async () => {
        const outcome = await Promise.race([call(), new Promise((resolve) => setTimeout(resolve, 50, 'waits'))])
        if (outcome === 1) servedAt = performance.now()
        return outcome === 'waits'
      })
      expect(servedAt - heldUp).toBeLessThan(300 + 50)
      expect(opened.cache.stats().near?.stalenessMs).toBe(300)
    })

    test('after a freeze: the first call asks Redis', async () => {
      await using server = await RedisServer.start()
      let aheadMs = 0
      const clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
      const opened = await openReady({ url: server.url, near: true, clock })
      const call = opened.cache.cached(counting(), { key: 'k', ttl: 600 })
      expect(await becomesNear(opened, call)).toBe(1)
      aheadMs = 10_000
      expect(await call()).toBe(1)
      expect(lastTier(opened)).toBe('redis')
      await becomesNear(opened, call)
    })

    test('when the connection that tells is killed, or the server starts anew', async () => {
      await using server = await RedisServer.start()
      const opened = await openReady({ url: server.url, near: true })
      const call = opened.cache.cached(counting(), { key: 'k', ttl: 60 })
      await becomesNear(opened, call)
      await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await until(() => opened.cache.stats().near?.stalenessMs === 0)
      await call()
      expect(lastTier(opened)).toBe('redis')
      await becomesNear(opened, call)
      await server.kill()
      await server.restart()
      await becomesNear(opened, call)
    })
  })

  test('a load is not served copies: what it makes of one would stand for as long as its ttl', async () => {
    await using server = await RedisServer.start()
    const opened = await openReady({ url: server.url, near: true })
    const inner = opened.cache.cached(counting(), { key: 'inner', ttl: 60 })
    const outer = opened.cache.cached(async (_id: number) => ({ inner: await inner() }), { key: 'outer', ttl: 60 })
    await becomesNear(opened, inner)
    await outer(1)
    expect(
      opened
        .of('hit')
        .filter(({ name }) => name === 'inner')
        .at(-1)?.tier,
    ).toBe('redis')
  })

  test.each([
    ['clone', false, false],
    ['freeze', true, true],
    ['share', true, false],
  ] as const)('with isolation %s', async (isolation, isSame, isFrozen) => {
    await using server = await RedisServer.start()
    const opened = await openReady({ url: server.url, near: true, memory: { isolation } })
    const at = new Date('2026-01-01')
    const call = opened.cache.cached(async () => ({ at, list: [1, { deep: true }] }), { key: 'k', ttl: 60 })
    const one = await becomesNear(opened, call)
    const two = await call()
    expect([one === two, Object.isFrozen(two.list[1])]).toEqual([isSame, isFrozen])
    expect(two).toEqual({ at, list: [1, { deep: true }] })
  })

  test.each(['redis', 'auto'] as const)(
    'a load that calls its own key does not wait for itself, %s first',
    async (first) => {
      await using server = await RedisServer.start()
      const { cache, of } = await openReady({ url: server.url, near: true })
      const inner = cache.cached(async () => 'inner', { key: 'k', ttl: 60, tier: first === 'redis' ? 'auto' : 'redis' })
      const outer = cache.cached(async () => `outer of ${await inner()}`, { key: 'k', ttl: 60, tier: first })
      expect(await outer()).toBe('outer of inner')
      expect(of('bypass')).toMatchObject([{ reason: 'reentrant' }])
    },
  )

  test('keeps no copies for a function that wants none, whose stores end those of others', async () => {
    await using server = await RedisServer.start()
    const opened = await openReady({ url: server.url, near: true })
    const load = counting((run) => ({ run }))
    const fresh = opened.cache.cached(load, { key: 'k', ttl: 60, tier: 'redis' })
    const near = opened.cache.cached(load, { key: 'k', ttl: 60 })
    await until(async () => (await fresh()) && opened.of('hit').length >= 3)
    expect(new Set(opened.of('hit').map(({ tier }) => tier))).toEqual(new Set(['redis']))
    expect(opened.cache.stats().near?.items).toBe(0)
    const before = await becomesNear(opened, near)
    expect(await fresh.refresh()).not.toEqual(before)
    await until(() => opened.of('store').length === 2)
    expect(await near()).toEqual(await fresh())
    expect(await near()).not.toEqual(before)
  })

  test('works with a serializer, and with versions', async () => {
    await using server = await RedisServer.start()
    const serializer = {
      serialize: (value: unknown) => `~${JSON.stringify(value)}`,
      deserialize: (data: string | Uint8Array) => JSON.parse(String(data).slice(1)),
    }
    const opened = await openReady({ url: server.url, near: true, serializer })
    const call = opened.cache.cached(async () => ({ a: 1 }), { key: 'k', ttl: 60, version: '1' })
    expect(await becomesNear(opened, call)).toEqual({ a: 1 })
    const next = opened.cache.cached(async () => ({ b: 2 }), { key: 'k', ttl: 60, version: '2' })
    expect(await next()).toEqual({ b: 2 })
  })

  test('expires by the ttl, and is renewed in time', async () => {
    await using server = await RedisServer.start()
    let aheadMs = 0
    const clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
    const opened = await openReady({ url: server.url, near: { maxStaleness: '1h' }, clock })
    const call = opened.cache.cached(counting(), { key: 'k', ttl: 60, staleWhileRevalidate: 60 })
    expect(await becomesNear(opened, call)).toBe(1)
    aheadMs = 61_000
    expect(await call()).toBe(1)
    await until(async () => (await call()) === 2)
  })

  test('answers while Redis hangs, as long as it may: fresh or stale, and nothing is tried for it', async () => {
    await using server = await RedisServer.start()
    let aheadMs = 0
    const clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
    const opened = await openReady({ url: server.url, near: { maxStaleness: '1h' }, commandTimeout: '50ms', clock })
    const call = opened.cache.cached(counting(), { key: 'k', ttl: 60, staleWhileRevalidate: 60 })
    const other = opened.cache.cached(counting(), { key: 'other', ttl: 60 })
    expect(await becomesNear(opened, call)).toBe(1)
    server.pause()
    await until(async () => (await other()) && opened.of('connection').at(-1)?.state === 'lost')
    for (aheadMs of [0, 61_000]) {
      expect(await call()).toBe(1)
      expect(opened.of('hit').at(-1)).toMatchObject({ tier: 'near', stale: aheadMs > 0 })
    }
    expect(opened.of('trouble').filter(({ name }) => name === 'k')).toEqual([])
    await call.invalidate()
    expect(await call()).toBe(2)
    server.resume()
  })

  test('is bounded', async () => {
    await using server = await RedisServer.start()
    const opened = await openReady({ url: server.url, near: { maxItems: 10 } })
    const call = opened.cache.cached(async (id: number) => ({ id }), { key: 'k', ttl: 60 })
    const ids = Array.from({ length: 50 }, (_, id) => id)
    await Promise.all(ids.map((id) => call(id)))
    await until(() => opened.of('store').length === 50)
    for (let round = 0; round < 3; round++) await Promise.all(ids.map((id) => call(id)))
    expect(opened.cache.stats().near?.items).toBe(10)
  })

  test('is told of three changes for a load with a tag that is new, of two for others, and of one for a write', async () => {
    await using server = await RedisServer.start()
    // Hears what every process with a near cache hears.
    const ear = new Redis(server.url)
    onTestFinished(() => ear.disconnect())
    const heard: string[] = []
    ear.on('messageBuffer', (_channel: unknown, keys: unknown) => {
      heard.push(...(keys as Buffer[]).map(String))
    })
    const id = String(await ear.call('CLIENT', 'ID'))
    await ear.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id, 'BCAST', 'PREFIX', 'test::', 'PREFIX', 'test#')
    await ear.subscribe('__redis__:invalidate')
    const { cache, of } = await openReady({ url: server.url, near: true })
    const told = async (work: () => Promise<unknown>) => {
      heard.splice(0)
      await work()
      await ear.ping()
      return [...heard]
    }
    const call = cache.cached(counting(), { key: 'k', ttl: 60, tags: () => ['t'] })
    const load = (n: number) => async () => {
      await call(n)
      await until(() => of('store').some(({ key }) => key === `k:${n}`))
    }
    expect((await told(load(1))).sort()).toEqual(['test#t', 'test::k:1', 'test::k:1'])
    expect(await told(load(2))).toEqual(['test::k:2', 'test::k:2'])
    expect(await told(() => call(2))).toEqual([])
    expect(await told(() => cache.set(['k', 3], 1, { ttl: 60 }))).toEqual(['test::k:3'])
    expect(await told(() => cache.invalidate(['k', 3]))).toEqual(['test::k:3'])
    expect((await told(() => cache.invalidate('k:*'))).sort()).toEqual(['test::k:1', 'test::k:2'])
    // Besides the tag's own, the stamp that changes with any tag.
    expect((await told(() => cache.invalidateTags('t'))).sort()).toEqual(['test#', 'test#t'])
  })

  describe('where the server refuses to tell of changes', () => {
    const startRefusing = async () => {
      const server = await RedisServer.start()
      await server.command('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all', '-client|tracking')
      return { server, url: server.url.replace('redis://', 'redis://app:pw@') }
    }

    test('copies are kept for maxStaleness and no longer, and that is said once', async () => {
      const { server, url } = await startRefusing()
      await using _server = server
      const lines: string[] = []
      const write = (line: string) => void lines.push(line)
      const logger = { info: write, warn: write, error: write }
      const opened = await openReady({ url, near: { maxStaleness: '300ms' }, logger })
      const call = opened.cache.cached(counting(), { key: 'k', ttl: 60 })
      expect(await becomesNear(opened, call)).toBe(1)
      await server.command('DEL', 'test::k')
      const began = performance.now()
      await until(async () => (await call()) === 2)
      expect(performance.now() - began).toBeLessThan(1_000)
      expect(lines.filter((line) => line.includes('maxStaleness'))).toHaveLength(1)
      expect(opened.cache.stats().near).toMatchObject({ stalenessMs: 300, maxStalenessMs: 300 })
    })

    test('those who write announce it to the others', async () => {
      const { server, url } = await startRefusing()
      await using _server = server
      const near = { maxStaleness: '1h' } as const
      const [writer, reader] = [await openReady({ url, near }), await openReady({ url, near })]
      const call = reader.cache.cached(counting(), { key: 'k', ttl: 60, tags: () => ['t'] })
      // The writer has to know, too, that the server does not tell.
      await becomesNear(writer, writer.cache.cached(counting(), { key: 'other', ttl: 60 }))
      for (const way of waysToChange(writer.cache)) {
        const value = await becomesNear(reader, call)
        await way()
        await until(async () => (await call()) !== value)
      }
    })

    test('barrier ends all copies', async () => {
      const { server, url } = await startRefusing()
      await using _server = server
      const opened = await openReady({ url, near: { maxStaleness: '1h' } })
      const call = opened.cache.cached(counting(), { key: 'k', ttl: 60 })
      expect(await becomesNear(opened, call)).toBe(1)
      await server.command('DEL', 'test::k')
      await opened.cache.barrier()
      expect(await call()).toBe(2)
    })
  })
})

/** Of the entry at `k`, which has the tag `t`. */
const waysToChange = (cache: Cache) => [
  () => cache.invalidate('k'),
  () => cache.invalidate('*'),
  () => cache.invalidateTags('t'),
  () => cache.set('k', 'set', { ttl: 60 }),
]
