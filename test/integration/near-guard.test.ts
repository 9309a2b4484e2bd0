import type { Cache } from 'cachewell'
import { expect, test } from 'vitest'
import { NearCopies } from '../../src/redis/near-copies.ts'
import { sleep } from '../support/real-time.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { down, isData, latency, of, TcpProxy } from '../support/tcp-proxy.ts'
import { openReady } from './open-cache.ts'

const KEYS = 3_000
const AT_A_TIME = 250
const keys = Array.from({ length: KEYS }, (_, k) => k)

const numbersOf = (cache: Cache) => cache.cached(async (_k: number) => 0, { key: (k: number) => ['n', k], ttl: '1m' })

/**
 * Every key is read, and written by somebody else before the reply is there: the message that ends the value comes before
 * the value does. Says how many values of the reader's differ from those in Redis at the end, and how many were copies.
 */
async function contend(): Promise<{ stale: number; near: number }> {
  await using server = await RedisServer.start()
  await using proxy = await TcpProxy.start(server)
  const { cache } = await openReady({ url: proxy.via(server.url), near: { maxStaleness: '1m' }, commandTimeout: '5s' })
  const { cache: other } = await openReady({ url: server.url, commandTimeout: '5s' })
  const [reader, writer] = [numbersOf(cache), numbersOf(other)]
  await Promise.all(keys.map((k) => writer.set([k], 1)))
  await reader(0) // Now it hears of changes.
  await cache.barrier()

  const lift = proxy.apply(down(of(isData, latency(30, 20))))
  for (let from = 0; from < KEYS; from += AT_A_TIME) {
    const batch = keys.slice(from, from + AT_A_TIME)
    const reads = batch.map((k) => reader(k))
    // The read has arrived there, mostly.
    await sleep(from % 3)
    await Promise.all(batch.map((k) => writer.set([k], 2)))
    await Promise.all(reads)
  }
  lift()

  await cache.barrier()
  const first = await Promise.all(keys.map((k) => reader(k)))
  const before = cache.stats().nearHits
  const second = await Promise.all(keys.map((k) => reader(k)))
  const near = cache.stats().nearHits - before
  const stored = await Promise.all(keys.map((k) => writer.peek(k)))
  return { stale: keys.filter((k) => first[k] !== stored[k] || second[k] !== stored[k]).length, near }
}

describeRedis('a change that is heard of before the value that it ends has come', () => {
  test('leaves no old copy', async () => {
    expect(await contend()).toEqual({ stale: 0, near: KEYS })
  })

  test('would leave most of them, were reads under way not noted', async () => {
    const { end } = NearCopies.prototype
    NearCopies.prototype.end = function (key, read, state) {
      read.changed = false
      return end.call(this, key, read, state)
    }
    try {
      expect((await contend()).stale).toBeGreaterThan(KEYS / 10)
    } finally {
      NearCopies.prototype.end = end
    }
  })
})
