import { CacheConfigError, commitScope, type WarmProgress } from 'cachewell'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runChild } from '../support/child.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { commandCounts, counting, makeGate, openCache, openReady } from './open-cache.ts'

const lists = (count: number): [number][] => Array.from({ length: count }, (_, id) => [id])
const none = { loaded: 0, fresh: 0, failed: 0, skipped: 0, errors: [] }

function describeWarming(name: string, urlOf: () => string): void {
  describe(name, () => {
    let prefixes = 0
    const open = (options: object = {}) => openReady({ url: urlOf(), prefix: `warm${++prefixes}`, ...options })

    test('loads what is not there, once, and leaves what is fresh', async () => {
      const { cache, of } = await open()
      const load = counting((_run, id) => ({ id }))
      const call = cache.cached(load as (id: number) => Promise<{ id: number }>, { key: 'item', ttl: '5m' })
      await Promise.all([call(3), call(4)])
      await until(() => cache.stats().stores === 2)
      expect(await cache.warm(call, lists(500))).toEqual({ ...none, loaded: 498, fresh: 2 })
      await until(() => cache.stats().stores === 500)
      expect(await cache.warm(call, lists(500))).toEqual({ ...none, fresh: 500 })
      expect(load.runs).toBe(500)
      expect(of('hit')).toEqual([])
      expect(await call(499)).toEqual({ id: 499 })
    })

    test('runs so many loads at a time, and no more', async () => {
      const { cache } = await open()
      let running = 0
      let most = 0
      const load = async (_id: number) => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setTimeout(resolve, 2))
        running--
        return 1
      }
      const usual = cache.cached(load, { key: 'usual', ttl: '5m' })
      expect(await cache.warm(usual, lists(450))).toMatchObject({ loaded: 450 })
      expect(most).toBe(10)
      most = 0
      const few = cache.cached(load, { key: 'few', ttl: '5m' })
      expect(await cache.warm(few, lists(20), { concurrency: 3 })).toMatchObject({ loaded: 20 })
      expect(most).toBe(3)
    })

    test('counts what fails, and goes on', async () => {
      const { cache } = await open()
      const load = async (id: number) => {
        if (id % 2 === 0) throw new Error(`no ${id}`)
        return id
      }
      const call = cache.cached(load, { key: 'half', ttl: '5m' })
      const steps: WarmProgress[] = []
      const result = await cache.warm(call, lists(50), { concurrency: 1, onProgress: (step) => steps.push(step) })
      expect(result).toMatchObject({ loaded: 25, fresh: 0, failed: 25, skipped: 0 })
      expect(result.errors.map((error) => (error as Error).message)).toEqual(
        Array.from({ length: 10 }, (_, i) => `no ${2 * i}`),
      )
      expect(steps).toHaveLength(50)
      expect(steps.map(({ loaded, failed }) => loaded + failed)).toEqual(steps.map((_, i) => i + 1))
    })

    test('loads what is stale, and says so when that fails', async () => {
      const { cache } = await open()
      let broken = false
      const load = counting(async () => {
        if (broken) throw new Error('broken')
        return 'value'
      })
      const options = { ttl: '50ms', staleWhileRevalidate: '5m', staleIfError: '5m' } as const
      const call = cache.cached(async (_id: number) => load(), { key: 'stale', ...options })
      await call(1)
      await until(async () => (await cache.explain(call, [1])).verdict === 'stale')
      const before = load.runs
      expect(await cache.warm(call, [[1]])).toEqual({ ...none, loaded: 1 })
      expect(load.runs).toBe(before + 1)
      await until(async () => (await cache.explain(call, [1])).verdict === 'stale')
      broken = true
      expect(await cache.warm(call, [[1]])).toMatchObject({ loaded: 0, fresh: 0, failed: 1 })
    })

    test('ends when it is told to: rejects at once, loads no more, and what is under way is stored', async () => {
      const { cache } = await open()
      const gate = makeGate()
      const load = counting(() => gate.opened.then(() => 'value'))
      const call = cache.cached(load as (id: number) => Promise<unknown>, { key: 'ended', ttl: '5m' })
      const controller = new AbortController()
      const reason = new Error('enough')
      const warming = cache.warm(call, lists(50), { concurrency: 5, signal: controller.signal })
      await until(() => load.runs === 5)
      controller.abort(reason)
      await expect(warming).rejects.toBe(reason)
      gate.open()
      await until(() => cache.stats().stores === 5)
      expect(await call.peek(0)).toBe('value')
      expect(load.runs).toBe(5)
      await expect(cache.warm(call, lists(50), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
      const onProgress = () => {
        throw reason
      }
      await expect(cache.warm(call, lists(5), { onProgress })).rejects.toBe(reason)
      expect(load.runs).toBe(5)
    })

    test('takes argument lists as they come, and no more of them than it needs', async () => {
      const { cache } = await open()
      let asked = 0
      let over = false
      async function* rows(): AsyncGenerator<[number]> {
        try {
          for (;;) yield [asked++]
        } finally {
          over = true
        }
      }
      const call = cache.cached(async (id: number) => id, { key: 'rows', ttl: '5m' })
      const controller = new AbortController()
      const onProgress = ({ loaded }: WarmProgress) => {
        if (loaded === 500) controller.abort()
      }
      await expect(cache.warm(call, rows(), { onProgress, signal: controller.signal })).rejects.toThrow('aborted')
      await until(() => over)
      expect(asked).toBeLessThanOrEqual(1_000)
    })

    test('skips what would not be kept, without a run', async () => {
      const { cache } = await open()
      const load = counting()
      const unkeyable = cache.cached(load as (id: () => void) => Promise<number>, { key: 'odd', ttl: '5m' })
      expect(await cache.warm(unkeyable, [[() => {}]])).toEqual({ ...none, skipped: 1 })
      const bypass = () => true
      const bypassed = cache.cached(load as (id: number) => Promise<number>, { key: 'not', ttl: '5m', bypass })
      expect(await cache.warm(bypassed, lists(3))).toEqual({ ...none, skipped: 3 })
      const call = cache.cached(load as (id: number) => Promise<number>, { key: 'scope', ttl: '5m' })
      expect(await commitScope(() => cache.warm(call, lists(3)))).toEqual({ ...none, skipped: 3 })
      expect(load.runs).toBe(0)
    })

    test('mistakes are thrown', async () => {
      const { cache } = await open()
      const call = cache.cached(async (id: number) => id, { key: 'mistakes', ttl: '5m' })
      await expect(cache.warm((async (id: number) => id) as unknown as typeof call, lists(1))).rejects.toThrow(
        CacheConfigError,
      )
      await expect(cache.warm(call, [1] as never)).rejects.toThrow('lists of arguments')
      await expect(cache.warm(call, lists(1), { concurrency: 0 })).rejects.toThrow('concurrency')
      await expect(cache.warm(call, lists(1), { signal: 'no' as never })).rejects.toThrow('AbortSignal')
    })
  })
}

describeWarming('warming memory', () => 'memory:')

describeRedis('warming Redis', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await RedisServer.start()
  })
  afterAll(() => redis[Symbol.asyncDispose]())

  describeWarming('as memory', () => redis.url)

  test('what is fresh is read in few commands, and nothing else is sent', async () => {
    const { cache } = await openReady({ url: redis.url, prefix: 'reads' })
    const call = cache.cached(async (id: number) => id, { key: 'item', ttl: '5m' })
    await cache.warm(call, lists(1_000))
    await until(() => cache.stats().stores === 1_000)
    await redis.command('CONFIG', 'RESETSTAT')
    expect(await cache.warm(call, lists(1_000))).toMatchObject({ fresh: 1_000 })
    const { mget, get, evalsha } = await commandCounts(redis)
    expect(mget).toBe(5)
    expect([get, evalsha]).toEqual([undefined, undefined])
  })

  test('two processes that warm the same load each key once', async () => {
    const url = new URL('./children/warmer.ts', import.meta.url)
    const children = [1, 2].map(() => runChild(url, { env: { URL_OF_STORE: redis.url }, timeoutMs: 60_000 }))
    const told = (type: string) => () =>
      children.every(({ messages }) => messages.some((message) => (message as { type: string }).type === type))
    await until(told('ready'), { timeoutMs: 30_000 })
    for (const child of children) child.send({ go: true })
    await until(told('warmed'), { timeoutMs: 30_000 })
    const results = children.map(({ messages }) => messages.at(-1) as { loaded: number[]; result: WarmProgress })
    const ids = results.flatMap(({ loaded }) => loaded).sort((a, b) => a - b)
    expect(ids).toEqual(lists(100).flat())
    for (const { loaded, result } of results) {
      expect(result).toMatchObject({ loaded: loaded.length, fresh: 100 - loaded.length, failed: 0, skipped: 0 })
    }
    for (const child of children) {
      child.endInput()
      expect(await child.done).toMatchObject({ code: 0 })
    }
  }, 60_000)

  test('runs nothing while Redis is away', async () => {
    const gone = await RedisServer.start()
    const { cache, of } = openCache({ url: gone.url, prefix: 'away' })
    await until(() => cache.set('k', 1, { ttl: '5m' }))
    await gone.kill()
    await until(() => of('connection').some(({ state }) => state === 'lost'))
    const load = counting()
    const call = cache.cached(load as (id: number) => Promise<number>, { key: 'item', ttl: '5m' })
    expect(await cache.warm(call, lists(20))).toEqual({ ...none, skipped: 20 })
    expect(load.runs).toBe(0)
    await gone[Symbol.asyncDispose]()
  })
})
