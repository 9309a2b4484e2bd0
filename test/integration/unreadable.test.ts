import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { counting, openReady } from './open-cache.ts'

const KEY = 'test::k'

describeRedis('what stands at a key', () => {
  let server: RedisServer
  let whole: string
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  beforeEach(async () => {
    await server.command('FLUSHALL')
    const { cache } = await openReady({ url: server.url })
    await cache.cached(async () => ({ stored: 'before' }), { key: 'k', ttl: 60 })()
    whole = String(
      await until(
        async () => String((await server.command('GET', KEY)) ?? '').includes('before') && server.command('GET', KEY),
      ),
    )
    await server.command('DEL', KEY)
  })

  const open = async () => {
    const opened = await openReady({ url: server.url })
    const load = counting((run) => ({ run }))
    return { ...opened, load, call: opened.cache.cached(load, { key: 'k', ttl: 60 }) }
  }

  test.each<[string, (entry: string) => string]>([
    ['is cut short', (entry) => entry.slice(0, -3)],
    ['has lost its payload', (entry) => entry.slice(0, entry.indexOf('\n') + 1)],
    ['has a longer payload than it says', (entry) => `${entry}x`],
    ['is no JSON', (entry) => entry.replace('{"', '{{')],
    ['claims a side table that is not there', (entry) => entry.replace(' j---', ' x---')],
    ['was written with a serializer', (entry) => entry.replace(' j---', ' c---')],
  ])('a value that %s is loaded anew and replaced', async (_what, spoil) => {
    const { call, load, of } = await open()
    const spoiled = spoil(whole)
    expect(spoiled).not.toBe(whole)
    await server.command('SET', KEY, spoiled)
    expect(await call()).toEqual({ run: 1 })
    await until(() => of('store').some(({ stored }) => stored))
    expect(await call()).toEqual({ run: 1 })
    expect(load.runs).toBe(1)
    expect(of('miss')).toMatchObject([{ reason: 'unreadable' }])
    // It concerns one key, and neither the connection nor the other keys.
    expect(of('connection').map(({ state }) => state)).toEqual(['ready'])
  })

  test('a value of another version is replaced', async () => {
    const { cache, of } = await openReady({ url: server.url })
    await server.command('SET', KEY, whole)
    const call = cache.cached(counting(), { key: 'k', ttl: 60, version: 2 })
    expect(await call()).toBe(1)
    await until(() => of('store').some(({ stored }) => stored))
    expect(await call()).toBe(1)
    expect(of('miss')).toMatchObject([{ reason: 'version' }])
  })

  test.each<[string, (entry: string) => [string, ...string[]]]>([
    ['a hash', () => ['HSET', KEY, 'field', 'value']],
    ['a list', () => ['RPUSH', KEY, 'item']],
    ['a set', () => ['SADD', KEY, 'item']],
    ['a sorted set', () => ['ZADD', KEY, '1', 'item']],
    ['a stream', () => ['XADD', KEY, '1-1', 'field', 'value']],
    ['a text', () => ['SET', KEY, 'not ours']],
    ['an empty text', () => ['SET', KEY, '']],
    ['a number', () => ['SET', KEY, '42']],
    ['JSON', () => ['SET', KEY, '{"run":99}']],
    ['bytes', () => ['SET', KEY, '\u0000\n\u0001 cw1 V']],
    ['an entry of a format of the future', (entry) => ['SET', KEY, entry.replace('cw1', 'cw2')]],
    ['an entry of a kind of the future', (entry) => ['SET', KEY, entry.replace('cw1 V', 'cw1 W')]],
  ])('%s is left alone, and nobody waits for it', async (_what, commandFrom) => {
    const { call, load, of } = await open()
    await server.command(...commandFrom(whole))
    const before = await server.command('DUMP', KEY)
    expect(await Promise.all([call(), call()])).toEqual([{ run: 1 }, { run: 1 }])
    expect(await call()).toEqual({ run: 2 })
    expect(load.runs).toBe(2)
    expect(of('hit')).toEqual([])
    expect(of('miss').map(({ reason }) => reason)).toEqual(['foreign', 'foreign', 'foreign'])
    expect(await server.command('DUMP', KEY)).toBe(before)
    expect(await server.command('PTTL', KEY)).toBe(-1)
  })

  test('in a batch, the neighbours of bad keys are hits', async () => {
    const { cache, of } = await openReady({ url: server.url })
    const load = counting((_run, name) => name)
    const call = cache.cached(load, { key: 'n', ttl: 60 })
    const names = Array.from({ length: 10 }, (_, i) => `n${i}`)
    await Promise.all(names.map((name) => call(name)))
    await until(() => of('store').length === 10)
    await server.command('DEL', 'test::n:n3', 'test::n:n7')
    await server.command('HSET', 'test::n:n3', 'f', 'v')
    await server.command('SET', 'test::n:n7', 'cw9 nothing we know')
    expect(await Promise.all(names.map((name) => call(name)))).toEqual(names)
    expect(of('hit')).toHaveLength(8)
    expect(load.runs).toBe(12)
  })
})
