import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runChild } from '../support/child.ts'
import { likelyPort } from '../support/likely-port.ts'
import { within } from '../support/real-time.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { counting, makeGate, openCache, openReady, timed } from './open-cache.ts'

interface Told {
  readonly results: number[]
  readonly unhandled: string[]
  readonly lingeredMs: number
}

describeRedis('the life of a cache', () => {
  let server: RedisServer
  const silent = createServer((socket) => socket.on('error', () => {}).resume())
  beforeAll(async () => {
    server = await RedisServer.start()
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  })
  afterAll(async () => {
    silent.close()
    await server[Symbol.asyncDispose]()
  })
  const port = () => (silent.address() as { port: number }).port

  test.each<[string, () => string, number, number[]]>([
    ['Redis', () => server.url, 500, [1, 1, 1]],
    ['an absent Redis', () => `redis://127.0.0.1:${likelyPort()}`, 500, [1, 2, 3]],
    ['a Redis that hangs', () => `redis://127.0.0.1:${port()}`, 3_000, [1, 2, 3]],
    ['memory', () => 'memory:', 500, [1, 1, 1]],
    ['nothing', () => 'null:', 500, [1, 2, 3]],
  ])('a script that used it over %s ends by itself', async (what, urlOf, withinMs, results) => {
    for (const invalidate of ['', '1']) {
      const env = { URL_OF_STORE: urlOf(), KEY: `${what.replaceAll(' ', '-')}${invalidate}`, INVALIDATE: invalidate }
      const child = runChild('test/integration/children/script.ts', { env, timeoutMs: 10_000 })
      const { code, timedOut, messages, stderr } = await child.done
      expect({ code, timedOut, stderr }).toEqual({ code: 0, timedOut: false, stderr: '' })
      const told = messages[0] as Told
      expect(told).toMatchObject({ results, unhandled: [] })
      expect(told.lingeredMs).toBeLessThan(withinMs)
    }
  })

  test('close finishes what is being stored, ends the connection, and later calls pass through', async () => {
    const { cache, of } = await openReady({ url: server.url, prefix: 'closing' })
    const load = counting((run) => ({ run }))
    const call = cache.cached(load, { key: 'k', ttl: 60 })
    await Promise.all(Array.from({ length: 20 }, (_, i) => call(i)))
    await cache.close()
    expect(of('store').filter(({ stored }) => stored)).toHaveLength(20)
    expect(await server.command('EXISTS', ...Array.from({ length: 20 }, (_, i) => `closing::k:${i}`))).toBe(20)
    await until(
      async () =>
        String(await server.command('CLIENT', 'LIST'))
          .trim()
          .split('\n').length === 1,
    )

    expect(await call(1)).toEqual({ run: 21 })
    expect(await cache.get('k')).toBeUndefined()
    expect(await cache.set('k', 1, { ttl: 60 })).toBe(false)
    // What stands in Redis stays there, and that is not to pass for done.
    expect(await cache.invalidate('k')).toEqual({ removed: 0, deferred: true })
    expect(await cache.invalidate('k*')).toEqual({ removed: 0, deferred: true })
    expect(await cache.invalidateTags('t')).toEqual({ deferred: true })
    expect(of('notice').map(({ code, level }) => [code, level])).toContainEqual(['undelivered', 'error'])
    await cache.close()
    expect(await cache.invalidate('k')).toEqual({ removed: 0, deferred: true })
    expect(of('trouble')).toEqual([])
    expect(
      String(await server.command('CLIENT', 'LIST'))
        .trim()
        .split('\n'),
    ).toHaveLength(1)
  })

  const ways = ['key', 'pattern', 'tag', 'function', 'delete'] as const
  test.each(ways.flatMap((way) => [true, false].map((first) => ({ way, first }))))(
    'close waits for what is being invalidated, by $way, the first call: $first',
    async ({ way, first }) => {
      const prefix = `ending-${way}-${first}`
      const options = { key: 'k', ttl: 60, tags: ['t'] }
      const load = counting()
      const { cache: before } = await openReady({ url: server.url, prefix })
      expect(await before.cached(load, options)()).toBe(1)
      await before.close()

      const { cache, of } = first
        ? openCache({ url: server.url, prefix })
        : await openReady({ url: server.url, prefix })
      const removing = {
        key: () => cache.invalidate('k'),
        pattern: () => cache.invalidate('k*'),
        tag: () => cache.invalidateTags('t'),
        function: () => cache.cached(load, options).invalidate(),
        delete: () => cache.delete('k'),
      }[way]()
      await cache.close()
      expect(await removing).toEqual(
        way === 'delete' ? true : way === 'tag' ? { deferred: false } : { removed: 1, deferred: false },
      )
      expect(of('notice')).toEqual([])
      const { cache: after } = await openReady({ url: server.url, prefix })
      expect(await after.cached(load, options)()).toBe(2)
    },
  )

  test('close tells of what was being invalidated when its time was over', async () => {
    const { cache, of } = await openReady({ url: server.url, prefix: 'over', commandTimeout: '10s' })
    server.pause()
    const removing = cache.invalidate('k*')
    const { ms } = await timed(() => cache.close())
    server.resume()
    expect(ms).toBeLessThan(4_000)
    await removing
    expect(of('notice').map(({ message }) => message)).toEqual([
      'closed with 1 invalidations that could not be carried out',
    ])
  })

  test.each(['memory:', 'null:'])(
    'where nothing outlives close(), in %s, there is nothing left to invalidate',
    async (url) => {
      const { cache, of } = openCache({ url })
      await cache.set('k', 1, { ttl: 60 })
      await cache.close()
      expect(await cache.invalidate('k')).toEqual({ removed: 0, deferred: false })
      expect(of('notice')).toEqual([])
    },
  )

  test('a cache that was closed before it was used does not know what stands in Redis', async () => {
    const { cache } = openCache({ url: server.url })
    await cache.close()
    expect(await cache.invalidate('k')).toEqual({ removed: 0, deferred: true })
  })

  test('a load that ends after close returns its result, and nothing is opened for it', async () => {
    const { cache } = await openReady({ url: server.url, prefix: 'late' })
    const gate = makeGate()
    const load = counting(async (run) => gate.opened.then(() => run))
    const call = cache.cached(load, { key: 'k', ttl: 60 })
    const result = call()
    await until(() => load.runs === 1)
    const { ms } = await timed(() => cache.close())
    expect(ms).toBeLessThan(2_000)
    gate.open()
    expect(await within(result, 1_000)).toBe(1)
    await until(
      async () =>
        String(await server.command('CLIENT', 'LIST'))
          .trim()
          .split('\n').length === 1,
    )
  })

  test('close is over in two seconds while Redis hangs, or before it was ever there', async () => {
    const hung = openCache({ url: `redis://127.0.0.1:${port()}` })
    const calling = hung.cache.cached(counting(), { key: 'k', ttl: 60 })()
    expect((await timed(() => hung.cache.close())).ms).toBeLessThan(2_000)
    expect(await calling).toBe(1)
    const unused = await openReady({ url: server.url })
    expect((await timed(() => unused.cache.close())).ms).toBeLessThan(100)

    await using other = await RedisServer.start()
    const paused = await openReady({ url: other.url })
    await paused.cache.get('warm')
    other.pause()
    const load = counting()
    expect(await paused.cache.cached(load, { key: 'k', ttl: 60 })()).toBe(1)
    expect((await timed(() => paused.cache.close())).ms).toBeLessThan(2_000)
  })

  test('a listener that throws, or is ended, harms nobody', async () => {
    const { cache } = await openReady({ url: 'memory:' })
    let heard = 0
    const end = cache.on(() => {
      heard++
      throw new Error('in the listener')
    })
    cache.on((async () => Promise.reject(new Error('in an asynchronous listener'))) as never)
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    expect(await call()).toBe(1)
    await until(() => heard >= 2)
    end()
    const before = heard
    expect(await call()).toBe(1)
    expect(heard).toBe(before)
  })
})
