import type { Cache, CacheEvent } from 'cachewell'
import { createTestCache, type TestCache } from 'cachewell/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { openReady } from './open-cache.ts'

/** What is wrong with a store, and with it no more. */
interface Faults {
  down(): Promise<void>
  full(): Promise<void>
  corrupt(key: string): Promise<void>
  up(): Promise<void>
}

/** An event as both have it: without times and sizes, and without words. */
function outline(event: CacheEvent): string | undefined {
  switch (event.type) {
    case 'hit':
      return `hit ${event.key} ${event.tier}${event.stale ? ' stale' : ''}`
    case 'miss':
    case 'load-error':
      return `${event.type} ${event.key} ${event.reason}${event.collapsed ? ' collapsed' : ''}`
    case 'store':
      return `store ${event.key} ${event.tier} ${event.stored ? 'stored' : event.reason}`
    case 'invalidate':
      return `invalidate ${event.target} ${event.mode} ${event.removed} ${event.deferred}`
    case 'bypass':
      return `bypass ${event.name} ${event.reason}`
    case 'replay':
      // How many depends on what became of commands that were under way.
      return 'replay'
    case 'trouble':
      return `trouble ${event.operation} ${event.name}`
    case 'connection':
    case 'notice':
      return undefined
  }
}

/** Steps of which each ends in rest, so that the events of each can be compared. */
function stepsOf(cache: Cache, faults: Faults): Record<string, () => Promise<unknown>> {
  let loads = 0
  const load = async (id: number) => ({ id, load: ++loads, at: new Date(0), ids: [7n] })
  const user = cache.cached(load, { key: 'user', ttl: '1h', tags: (id: number) => [`user:${id}`] })
  const org = cache.cached(load, { key: 'org', ttl: '1h', resultTags: ({ id }) => [`org:${id}`] })
  const failing = cache.cached(() => Promise.reject(new Error('no such row')), { key: 'failing', ttl: '1h' })
  const unstored = cache.cached(load, { key: 'unstored', ttl: '1h', cacheIf: () => false })
  const outcome = (work: Promise<unknown>) => work.catch((error: Error) => error.message)
  return {
    'a miss': () => user(1),
    'a hit': () => user(1),
    'callers at once': () => Promise.all([user(2), user(2), user(2)]),
    'an invalidation by key': () => user.invalidate(1),
    'after it': () => user(1),
    'an invalidation by pattern': () => cache.invalidate('user:*'),
    'after that': () => Promise.all([user(1), user(2)]),
    'an invalidation by tag': () => cache.invalidateTags('user:1'),
    'after this': () => user(1),
    'tags of results': () => org(1),
    'their invalidation': () => cache.invalidateTags('org:1'),
    'after theirs': () => org(1),
    'a function that throws': () => outcome(failing()),
    'a result that is not to be stored': () => unstored(1),
    'once more': () => unstored(1),
    'a refresh': () => user.refresh(1),
    'values by key': async () => [await cache.set('k', 1n, { ttl: 60 }), await cache.get('k'), await cache.delete('k')],
    'a counter': async () => [await cache.increment('n', 2, { ttl: 60 }), await cache.get('n')],
    'a counter in the way': async () => [await cache.increment('user:9', 1, { ttl: 60 }), (await user(9)).id],
    spoil: () => faults.corrupt('user:1'),
    'what cannot be read': () => user(1),
    'after it was replaced': () => user(1),
    fill: faults.full,
    'a hit while it is full': () => user(1),
    'a miss while it is full': () => org(3),
    'a tag that is new while it is full': () => user(3),
    'a value by key while it is full': () => cache.set('k', 1, { ttl: 60 }),
    'an invalidation while it is full': () => user.invalidate(2),
    empty: faults.up,
    'after it was full': () => org(3),
    'take down': faults.down,
    'a call while it is down': () => user(1),
    'an invalidation while it is down': () => user.invalidate(1),
    'one by pattern while it is down': () => cache.invalidate('org:*'),
    'a value by key while it is down': async () => [await cache.set('k', 1, { ttl: 60 }), await cache.get('k')],
    'bring back': faults.up,
    'after it was down': () => Promise.all([user(1), org(3)]),
    'a hit after it was down': () => user(1),
  }
}

describeRedis('a test cache', () => {
  let server: RedisServer
  let proxy: TcpProxy
  beforeEach(async () => {
    server = await RedisServer.start({ args: ['--maxmemory-policy', 'noeviction'] })
    proxy = await TcpProxy.start(server)
  })
  afterEach(async () => {
    await proxy[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  /** What each step returns, and tells. */
  async function played(
    steps: Record<string, () => Promise<unknown>>,
    events: CacheEvent[],
    rest: () => Promise<unknown>,
  ) {
    const told: Record<string, unknown> = {}
    for (const [name, step] of Object.entries(steps)) {
      const from = events.length
      const result = await step()
      await rest()
      told[name] = {
        result,
        events: events
          .slice(from)
          .flatMap((event) => outline(event) ?? [])
          .sort(),
      }
    }
    return told
  }

  test('does what a cache on Redis does, and tells the same of it', async () => {
    const { cache, events, of } = await openReady({ url: proxy.via(server.url), breaker: { probeAtMost: '250ms' } })
    const connected = (times: number) =>
      until(() => of('connection').filter(({ state }) => state === 'ready').length === times)
    let away = false
    const onRedis = stepsOf(cache, {
      async corrupt(key) {
        await server.command('SETRANGE', `test::${key}`, '150', '\n{{{{')
      },
      async full() {
        await server.command('CONFIG', 'SET', 'maxmemory', '1')
      },
      async down() {
        away = true
        proxy.refuse()
        proxy.reset()
        await until(() => of('connection').some(({ state }) => state === 'lost'))
      },
      async up() {
        await server.command('CONFIG', 'SET', 'maxmemory', '0')
        if (!away) return
        proxy.heal()
        await proxy.accept()
        await connected(2)
        await until(() => of('replay').length === 1)
      },
    })
    // Callers do not wait for stores: of each load that went well there is one, and be it in vain.
    const loaded = () => of('miss').filter(({ collapsed }) => !collapsed).length
    const restOfRedis = () => until(() => of('store').length === loaded())
    const expected = await played(onRedis, events, restOfRedis)

    const testCache: TestCache = createTestCache()
    const heard: CacheEvent[] = []
    testCache.on((event) => {
      heard.push(event)
    })
    const onNothing = stepsOf(testCache, {
      corrupt: (key) => testCache.corrupt(key),
      full: async () => testCache.full(),
      down: async () => testCache.down(),
      up: async () => testCache.up(),
    })
    expect(await played(onNothing, heard, () => testCache.clock.settle())).toEqual(expected)
  })
})
