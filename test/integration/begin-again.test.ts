import { loadSignal } from 'cachewell'
import { beforeEach, describe, expect, test } from 'vitest'
import { likelyPort } from '../support/likely-port.ts'
import { sleep } from '../support/real-time.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { counting, openCache, openReady } from './open-cache.ts'

/** Calls, each a little later than the one before, until it is disposed; nobody waits for them. */
function traffic(call: () => Promise<unknown>): Disposable {
  const timer = setInterval(() => void call().catch(() => {}), 10)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

describeRedis('a call that has to begin again', () => {
  test('comes to its end where others of the same key fall back on a stale value', async () => {
    await using server = await RedisServer.start()
    const { cache } = await openReady({ url: server.url })
    let fails = false
    const insured = cache.cached(
      async () => {
        if (fails) throw new Error('of the origin')
        return 'old'
      },
      { key: 'k', ttl: 600, staleIfError: 600 },
    )
    const plain = cache.cached(async () => sleep(20).then(() => 'new'), { key: 'k', ttl: 600 })
    await insured()
    await until(() => insured.peek())
    await insured.expire()
    fails = true
    expect(await insured()).toBe('old')
    // The first of the plain ones finds a load under way, and none when it begins again: the others have gathered behind it.
    const answers = await Promise.all([insured(), plain(), plain(), plain()])
    expect(answers.every((answer) => answer === 'old' || answer === 'new')).toBe(true)
  })

  test('does not go on doing so while Redis is away and its key is hot', async () => {
    await using server = await RedisServer.start()
    const { cache, of } = await openReady({ url: server.url })
    const call = cache.cached(async () => sleep(100).then(() => 'value'), { key: 'k', ttl: 600 })
    const first = call()
    await sleep(30)
    const late = [call(), call(), call()]
    await server.kill()
    await until(() => of('connection').some(({ state }) => state === 'lost'))
    using _hot = traffic(call)
    expect(await Promise.all([first, ...late])).toEqual(Array(4).fill('value'))
  })
})

describe('while Redis is away', () => {
  let cache: ReturnType<typeof openCache>['cache']
  beforeEach(async () => {
    cache = openCache({ url: `redis://127.0.0.1:${likelyPort()}` }).cache
    await cache.get('connect')
  })

  test('a refresh of a hot key comes to its end', async () => {
    const call = cache.cached(async () => sleep(50).then(() => 'value'), { key: 'k', ttl: 600 })
    using _hot = traffic(call)
    await sleep(100)
    expect(await call.refresh()).toBe('value')
  })

  test('who has waited long enough ends no load that somebody else waits for', async () => {
    const aborted = counting()
    const call = cache.cached(
      async (ms: number) => {
        ;(loadSignal() as AbortSignal).addEventListener('abort', () => void aborted(ms))
        await sleep(ms)
        return ms
      },
      { key: () => 'k', ttl: 600, hardTimeout: '300ms' },
    )
    const slow = call(1_000).catch((error: Error) => error.name)
    await sleep(150)
    expect(await call(200)).toBe(200)
    expect(await slow).toBe('LoadTimeoutError')
    expect(aborted.runs).toBe(1)
  })
})
