import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { counting, openReady, timed } from './open-cache.ts'

function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

const MINUTES = 60_000

describeRedis('time', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  beforeEach(() => server.command('FLUSHALL') as Promise<never>)

  test('a loop that we block ourselves is no trouble of Redis', async () => {
    const { cache, of } = await openReady({ url: server.url })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    await call()
    await until(() => of('store').length === 1)
    for (let i = 0; i < 6; i++) {
      const hit = call()
      const cold = call(`cold${i}`)
      // Once the commands are sent, or just before they are.
      if (i % 2) await new Promise((resolve) => process.nextTick(resolve))
      block(400)
      expect(await hit).toBe(1)
      await cold
    }
    expect(of('hit')).toHaveLength(6)
    expect(of('trouble')).toEqual([])
    expect(of('connection').map(({ state }) => state)).toEqual(['ready'])
  })

  test('a loop that is blocked while it stores is none, either', async () => {
    const { cache, of } = await openReady({ url: server.url })
    const call = cache.cached(
      async (i: number) => {
        setImmediate(() => block(350))
        return i
      },
      { key: 'k', ttl: 60 },
    )
    for (let i = 0; i < 3; i++) {
      expect(await call(i)).toBe(i)
      await until(() => of('store').length === i + 1)
    }
    expect(of('store').every(({ stored }) => stored)).toBe(true)
    expect(of('trouble')).toEqual([])
  })

  test('a Redis that is slow for once delays a call by the command timeout, and stays connected', async () => {
    const { cache, of } = await openReady({ url: server.url, commandTimeout: '100ms' })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    await call()
    await until(() => of('store').length === 1)
    await server.command('CLIENT', 'PAUSE', '180', 'ALL')
    const { value, ms } = await timed(call)
    expect(value).toBe(2)
    expect(ms).toBeGreaterThan(80)
    expect(ms).toBeLessThan(300)
    expect(of('trouble').map(({ error }) => error.code)).toEqual(['TIMEOUT'])
    await until(async () => (await call()) === 1)
    expect(of('connection').map(({ state }) => state)).toEqual(['ready'])
  })

  test.each([
    ['behind', -10 * MINUTES],
    ['ahead', 10 * MINUTES],
  ])('a host whose clock is ten minutes %s shares entries for just their ttl', async (_where, offset) => {
    const clock = { ...systemClock, wall: () => Date.now() + offset }
    const odd = await openReady({ url: server.url, clock })
    const even = await openReady({ url: server.url })
    const load = counting()
    const ofOdd = odd.cache.cached(load, { key: 'odd', ttl: '600ms' })
    const ofEven = even.cache.cached(load, { key: 'even', ttl: '600ms' })
    expect([await ofOdd(), await ofEven()]).toEqual([1, 2])
    await until(() => odd.of('store').length === 1 && even.of('store').length === 1)
    // Neither is stillborn, whoever reads it …
    for (const { cache } of [odd, even]) expect(await cache.getMany(['odd', 'even'])).toEqual([1, 2])
    expect([await ofOdd(), await ofEven()]).toEqual([1, 2])
    expect(odd.of('hit')[0]?.ttlMs).toBeGreaterThan(0)
    expect(odd.of('hit')[0]?.ttlMs).toBeLessThanOrEqual(600)
    expect(odd.of('hit')[0]?.ageMs).toBeLessThan(600)
    // … nor immortal.
    await until(async () => (await ofOdd()) > 2 && (await ofEven()) > 2, { everyMs: 50 })
  })

  test('an entry that Redis keeps for too long is expired by the server’s clock all the same', async () => {
    const clock = { ...systemClock, wall: () => Date.now() - 10 * MINUTES }
    const { cache, of } = await openReady({ url: server.url, clock })
    const call = cache.cached(counting(), { key: 'k', ttl: '300ms' })
    await call()
    await until(() => of('store').length === 1)
    await server.command('PERSIST', 'test::k')
    await until(async () => (await call()) === 2)
    expect(of('miss').at(-1)?.reason).toBe('expired')
    expect(await server.command('PTTL', 'test::k')).not.toBe(-1)
  })

  test('in memory, a clock that is set back or forth changes nothing', async () => {
    let offset = 0
    const clock = { ...systemClock, wall: () => Date.now() + offset }
    const { cache, of } = await openReady({ url: 'memory:', clock })
    const call = cache.cached(counting(), { key: 'k', ttl: '500ms' })
    await call()
    await until(() => of('store').length === 1)
    offset = 10 * MINUTES
    expect(await call()).toBe(1)
    offset = -10 * MINUTES
    expect(await call()).toBe(1)
    await until(async () => (await call()) === 2)
  })
})
