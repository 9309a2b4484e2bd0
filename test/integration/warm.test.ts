import { CacheConfigError, commitScope, type WarmProgress } from 'cachewell'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Child, runChild } from '../support/child.ts'
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

    test('takes nothing of the lists when it has been ended before', async () => {
      const { cache } = await open()
      const call = cache.cached(async (id: number) => id, { key: 'before', ttl: '5m' })
      let taken = 0
      function* rows(): Generator<[number]> {
        for (;;) yield [taken++]
      }
      const reason = new Error('before')
      await expect(cache.warm(call, rows(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
      expect(taken).toBe(0)
    })

    test('ends with what onProgress rejects with', async () => {
      const { cache } = await open()
      const call = cache.cached(async (id: number) => id, { key: 'rejects', ttl: '5m' })
      const reason = new Error('enough')
      const onProgress = async () => Promise.reject(reason)
      await expect(cache.warm(call, lists(500), { onProgress, concurrency: 1 })).rejects.toBe(reason)
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
      await expect(cache.warm(call, lists(1), { onProgress: 'no' as never })).rejects.toThrow(
        'onProgress is a function',
      )
      await expect(cache.warm(call, lists(1), { concurency: 1 } as never)).rejects.toThrow("no option 'concurency'")
      await expect(cache.warm(call, lists(1), null as never)).rejects.toThrow('options last')
      for (const none of [undefined, null, 5, {}]) {
        await expect(cache.warm(call, none as never)).rejects.toThrow('write warm(user, [[1], [2]])')
      }
      expect(await call.peek(0)).toBeUndefined()
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

  test('of two processes that warm the same, one goes on with what the other does not load, and each key is loaded once', async () => {
    const count = 400
    const url = new URL('./children/warmer.ts', import.meta.url)
    const env = { URL_OF_STORE: redis.url, COUNT: `${count}` }
    const children = [1, 2].map(() => runChild(url, { env, timeoutMs: 60_000 }))
    type Told = { readonly type: string; readonly id: number; readonly result: WarmProgress }
    const told = (child: Child | undefined, type: string) =>
      ((child?.messages ?? []) as Told[]).filter((message) => message.type === type)
    const loadedBy = (child: Child | undefined) => told(child, 'loading').map(({ id }) => id)
    const [first, second] = children
    await until(() => children.every((child) => told(child, 'ready').length === 1), { timeoutMs: 30_000 })
    // The first has the leases of the first ten and keeps them; so the second has to go on with the next ones.
    first?.send('warm')
    await until(() => loadedBy(first).length === 10)
    second?.send('warm')
    await until(() => loadedBy(second).length === 10)
    expect(children.flatMap(loadedBy).sort((a, b) => a - b)).toEqual(lists(20).flat())

    for (const child of children) child.send('let go')
    await until(() => children.every((child) => told(child, 'warmed').length === 1), { timeoutMs: 30_000 })
    expect(children.flatMap(loadedBy).sort((a, b) => a - b)).toEqual(lists(count).flat())
    for (const child of children) {
      const loaded = loadedBy(child).length
      expect(loaded).toBeGreaterThanOrEqual(count / 10)
      const [{ result } = {}] = told(child, 'warmed')
      expect(result).toEqual({ ...none, loaded, fresh: count - loaded })
      child.endInput()
      expect(await child.done).toMatchObject({ code: 0 })
    }
  }, 60_000)

  test('what waits for another process takes it over when nothing comes of it, and holds up nobody who needs it', async () => {
    const options = { url: redis.url, prefix: 'chain' }
    const [{ cache }, { cache: other }] = await Promise.all([openReady(options), openReady(options)])
    const gate = makeGate()
    const declared = { key: 'chain', ttl: '5m' } as const
    const held = other.cached(async (_id: number) => gate.opened.then(() => 'old'), declared)
    const loading = held(2)
    await until(async () => (await other.explain(held, [2])).reason === 'leased')
    const runs: number[] = []
    const call = cache.cached(async (id: number): Promise<string> => {
      runs.push(id)
      return id === 3 ? `three after ${await call(2)}` : 'two'
    }, declared)
    // One at a time: the run of 3 needs that of 2, which begins after it.
    const warming = cache.warm(call, [[2], [3]], { concurrency: 1 })
    await until(() => runs.length === 1)
    expect(runs).toEqual([3])
    await held.invalidate(2)
    expect(await warming).toEqual({ ...none, loaded: 2 })
    expect(runs).toEqual([3, 2])
    expect(await call.peek(3)).toBe('three after two')
    gate.open()
    await loading
  })

  test('of many ids, those that another process loads hold up neither the others of their call nor the next ones', async () => {
    const options = { url: redis.url, prefix: 'many' }
    const [{ cache }, { cache: other }] = await Promise.all([openReady(options), openReady(options)])
    const gate = makeGate()
    const declared = { key: 'user', ttl: '5m' } as const
    const held = other.cachedMany(async (ids: number[]) => gate.opened.then(() => ids), declared)
    const loading = held([1, 2, 3])
    await until(async () => (await other.explain(held, [[3]])).reason === 'leased')
    const asked: number[][] = []
    const users = cache.cachedMany(async (ids: number[]) => {
      asked.push(ids)
      return ids
    }, declared)
    const steps: WarmProgress[] = []
    const onProgress = (step: WarmProgress) => steps.push(step)
    const warming = cache.warm(users, [[[1, 2]], [[3, 4, 5]], [[6, 7]]], { concurrency: 1, onProgress })
    await until(() => steps.at(-1)?.loaded === 4)
    expect(asked).toEqual([
      [4, 5],
      [6, 7],
    ])
    gate.open()
    expect(await warming).toEqual({ ...none, loaded: 4, fresh: 3 })
    await loading
    expect(asked).toHaveLength(2)
  })

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
