import type { Cache } from 'cachewell'
import type { RedisServer } from '../../support/redis-server.ts'
import { until } from '../../support/until.ts'
import { median } from '../table.ts'

/** What a value costs a service that stores and reads it. */
export interface Cost {
  /** As it stands in Redis. */
  readonly bytes: number
  /** Of a value that this process has not read before. */
  readonly hitMs: number
  /** For so long, of such a hit, this process could do nothing else. */
  readonly busyMs: number
  /** Of one that it has. */
  readonly againMs: number
  readonly setMs: number
}

export async function costOf(cache: Cache, redis: RedisServer, value: unknown, rounds: number): Promise<Cost> {
  const set = () => cache.set('value', value, { ttl: '1h' })
  const hit = async () => {
    if ((await cache.get('value')) === undefined) throw new Error('a value that was stored is not there')
  }
  await until(set, { label: 'a store' })
  for (let i = 0; i < 10; i++) await hit()

  const [sets, hits, hitsAgain]: [number[], number[], number[]] = [[], [], []]
  let busyMs = 0
  for (let i = 0; i < rounds; i++) {
    sets.push(await time(set))
    const before = performance.eventLoopUtilization()
    hits.push(await time(hit))
    busyMs += performance.eventLoopUtilization(before).active / rounds
  }
  for (let i = 0; i < 10; i++) await hit()
  for (let i = 0; i < rounds; i++) hitsAgain.push(await time(hit))
  const bytes = Number(await redis.command('STRLEN', 'bench::value'))
  return { bytes, hitMs: median(hits), busyMs, againMs: median(hitsAgain), setMs: median(sets) }
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}
