import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runChild } from '../support/child.ts'
import { rawCommand } from '../support/raw-command.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { hold, TcpProxy, up } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { commandCounts, counting, isCached, median, openReady, timed } from './open-cache.ts'

describeRedis('a Redis that goes away', () => {
  let server: RedisServer
  beforeEach(async () => {
    server = await RedisServer.start()
  })
  afterEach(() => server[Symbol.asyncDispose]())

  /** How long it takes until a call is answered from Redis again. */
  const untilCached = (call: () => Promise<number>) =>
    timed(() => until(() => isCached(call), { label: 'a hit', everyMs: 20, timeoutMs: 10_000 }))

  test('by a crash: calls cost next to nothing, and are cached again within two seconds', async () => {
    const { cache, of } = await openReady({ url: server.url })
    const load = counting()
    const call = cache.cached(load, { key: 'k', ttl: 60 })
    expect([await call(), await call()]).toEqual([1, 1])

    await server.kill()
    await until(() => of('connection').some(({ state }) => state === 'lost'))
    const costs: number[] = []
    for (let i = 0; i < 300; i++) costs.push((await timed(call)).ms)
    expect(load.runs).toBe(301)
    expect(median(costs)).toBeLessThan(5)
    expect(Math.max(...costs)).toBeLessThan(250)

    await server.restart()
    expect((await untilCached(call)).ms).toBeLessThan(2_000)
    expect(of('connection').map(({ state }) => state)).toEqual(['ready', 'lost', 'ready'])
    // One client connection, and not one for each attempt.
    const clients = String(await server.command('CLIENT', 'LIST', 'TYPE', 'normal'))
    expect(clients.trim().split('\n')).toHaveLength(2)
  })

  test('in the middle of loads: the leases of the loads are given back when it is there again', async () => {
    await using proxy = await TcpProxy.start(server)
    const { cache, of } = await openReady({ url: proxy.via(server.url), breaker: { probeAtMost: '250ms' } })
    const load = counting()
    const call = cache.cached(load, { key: 'k', ttl: 60 })
    await until(() => isCached(() => call('warm')))
    const ids = Array.from({ length: 5 }, (_, id) => id)
    // Reads are answered, but neither who asks for a lease nor who would give it back.
    proxy.apply(up(hold(({ bytes }) => /evalsha/i.test(bytes.toString('latin1')))))
    await Promise.all(ids.map((id) => call(id)))
    await until(() => of('connection').some(({ state }) => state === 'lost'))
    proxy.heal()
    await until(() => of('connection').filter(({ state }) => state === 'ready').length === 2)
    const other = await openReady({ url: server.url })
    const { ms } = await timed(() =>
      Promise.all(ids.map((id) => until(() => other.cache.cached(counting(), { key: 'k', ttl: 60 })(id)))),
    )
    expect(ms).toBeLessThan(3_000)
  })

  test('by a crash, in the middle of calls: every one of them gets its result', async () => {
    const { cache } = await openReady({ url: server.url })
    const call = cache.cached(async (i: number) => ({ i }), { key: 'k', ttl: 60 })
    await call(0)
    const calls = Promise.all(Array.from({ length: 500 }, (_, i) => call(i)))
    await server.kill()
    expect(await calls).toEqual(Array.from({ length: 500 }, (_, i) => ({ i })))
    await server.restart()
    await until(async () => (await call(1)) && (await cache.get('k:1')) !== undefined)
  })

  test('by hanging: a call is held up by the command timeout, then by nothing, and is cached again afterwards', async () => {
    const { cache, of } = await openReady({ url: server.url })
    const load = counting()
    const call = cache.cached(load, { key: 'k', ttl: 60 })
    expect([await call(), await call()]).toEqual([1, 1])

    server.pause()
    const slow: number[] = []
    for (let i = 0; i < 3; i++) slow.push((await timed(call)).ms)
    expect(Math.max(...slow)).toBeLessThan(1_000)
    expect(of('trouble').map(({ error }) => error.code)).toEqual(['TIMEOUT', 'TIMEOUT', 'TIMEOUT'])
    const quick: number[] = []
    for (let i = 0; i < 100; i++) quick.push((await timed(call)).ms)
    expect(median(quick)).toBeLessThan(5)
    expect(load.runs).toBe(104)

    server.resume()
    expect((await untilCached(call)).ms).toBeLessThan(4_000)
  })

  test('by hanging: concurrent calls are held up once, not one after another', async () => {
    const { cache } = await openReady({ url: server.url })
    const call = cache.cached(async (i: number) => i, { key: 'k', ttl: 60 })
    await call(0)
    server.pause()
    const { value, ms } = await timed(() => Promise.all(Array.from({ length: 200 }, (_, i) => call(i))))
    expect(value).toEqual(Array.from({ length: 200 }, (_, i) => i))
    expect(ms).toBeLessThan(1_200)
    server.resume()
  })

  test('while a load is under way: the result is returned, and nothing is stored in the wrong place', async () => {
    const { cache, of } = await openReady({ url: server.url })
    const load = counting(async (run) => {
      if (run === 1) {
        await server.kill()
        await server.restart()
      }
      return run
    })
    const call = cache.cached(load, { key: 'k', ttl: 60 })
    expect(await call()).toBe(1)
    // Its lease went with the server, so the first result proves nothing any more.
    await until(() => of('store').length === 1)
    expect(of('store')[0]).toMatchObject({ stored: false })
    await untilCached(call)
    expect(await cache.get('k')).toBe(await call())
    expect(await call()).toBeGreaterThan(1)
  })

  test('a flood of CLIENT KILL costs loads and no errors', async () => {
    const { cache, of } = await openReady({ url: server.url })
    const call = cache.cached(async (i: number) => ({ i }), { key: 'k', ttl: 60 })
    await call(0)
    let kills = 0
    const killing = (async () => {
      while (kills < 40) {
        await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
        kills++
      }
    })()
    while (kills < 40) {
      const values = await Promise.all(Array.from({ length: 20 }, (_, i) => call(i)))
      expect(values).toEqual(Array.from({ length: 20 }, (_, i) => ({ i })))
      // Calls without Redis are over within one turn of the loop, which nothing else would get.
      await setImmediate()
    }
    await killing
    expect(of('load-error')).toEqual([])
    expect((await untilCached(async () => cache.stats().misses + (await call(0)).i)).ms).toBeLessThan(3_000)
  })

  test('SCRIPT FLUSH goes unnoticed', async () => {
    const { cache, of } = await openReady({ url: server.url })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    for (let i = 0; i < 3; i++) {
      await server.command('SCRIPT', 'FLUSH')
      const value = await call(i)
      await until(() => of('store').length === i + 1)
      expect(await call(i)).toBe(value)
    }
    expect(of('trouble')).toEqual([])
  })

  test('while it is away it is asked for about once a second, not for every call', async () => {
    const { cache, of } = await openReady({ url: server.url })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    await call()
    await until(() => of('store').length === 1)
    await server.command('CONFIG', 'RESETSTAT')
    // It lives, but will not have us.
    await server.command('CONFIG', 'SET', 'requirepass', 'changed')
    await authorized(server, ['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
    const began = performance.now()
    while (performance.now() - began < 1_500) {
      await call()
      await setImmediate()
    }
    const counts = await commandCounts({ command: (...args) => authorized(server, args) })
    expect(counts.get ?? 0).toBeLessThanOrEqual(1)
    expect(counts.time ?? 0).toBeLessThan(20)
  })

  test('again and again: neither listeners nor handles nor rejections pile up', async () => {
    const child = runChild('test/integration/children/survivor.ts', {
      env: { URL_OF_STORE: server.url },
      timeoutMs: 19_000,
    })
    const told = async (type: string, count: number) =>
      until(() => child.messages.filter((message) => (message as { type: string }).type === type)[count - 1], {
        label: `${type} ${count}`,
        timeoutMs: 8_000,
      })
    await told('hit', 1)
    for (let round = 2; round <= 7; round++) {
      await server.kill()
      await told('lost', round - 1)
      await server.restart()
      await told('hit', round)
    }
    child.endInput()
    const { code, stderr, messages } = await child.done
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const hits = messages.filter((message) => (message as { type: string }).type === 'hit')
    const [first, last] = [hits[0], hits.at(-1)] as { handles: number; listeners: number }[]
    expect(last).toEqual(first)
    expect(messages.at(-1)).toEqual({ type: 'end', unhandled: [], warnings: [] })
  })
})

/** Past a password that was set after the start. */
async function authorized(server: RedisServer, args: readonly string[]): Promise<unknown> {
  const [command, ...rest] = args as [string, ...string[]]
  return rawCommand({ host: '127.0.0.1', port: server.port, password: 'changed' }, command, ...rest)
}
