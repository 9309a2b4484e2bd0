import type { Cache } from 'cachewell'
import type { RedisServer } from '../../support/redis-server.ts'
import { until } from '../../support/until.ts'
import { median } from '../table.ts'

/** What a value costs a service that stores and reads it. */
export interface Cost {
  /** As it stands in Redis. */
  readonly bytes: number
  readonly hitMs: number
  /** For so long, of a hit, this process could do nothing else. */
  readonly busyMs: number
  readonly setMs: number
}

export async function costOf(cache: Cache, redis: RedisServer, value: unknown, rounds: number): Promise<Cost> {
  const set = () => cache.set('value', value, { ttl: '1h' })
  const hit = async () => {
    if ((await cache.get('value')) === undefined) throw new Error('a value that was stored is not there')
  }
  await until(set, { label: 'a store' })
  for (let i = 0; i < 10; i++) await hit()

  const before = performance.eventLoopUtilization()
  const hits = await times(rounds, hit)
  const { active } = performance.eventLoopUtilization(before)
  const sets = await times(rounds, set)
  const bytes = Number(await redis.command('STRLEN', 'bench::value'))
  return { bytes, hitMs: median(hits), busyMs: active / rounds, setMs: median(sets) }
}

async function times(rounds: number, work: () => Promise<unknown>): Promise<number[]> {
  const found: number[] = []
  for (let i = 0; i < rounds; i++) {
    const began = performance.now()
    await work()
    found.push(performance.now() - began)
  }
  return found
}
