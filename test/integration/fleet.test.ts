import { afterAll, beforeAll, expect, it } from 'vitest'
import { now } from '../support/real-time.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { Fleet, type Report } from './fleet/fleet.ts'

const sum = (reports: readonly Report[]) => reports.reduce((total, { loads }) => total + loads, 0)
const values = (reports: readonly Report[]) => [...new Set(reports.flatMap((report) => report.values))]

describeRedis('four processes with 250 callers each', () => {
  let redis: RedisServer
  let fleet: Fleet
  beforeAll(async () => {
    redis = await RedisServer.start()
    fleet = await Fleet.start(4, redis.url)
  })
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]()
    await redis[Symbol.asyncDispose]()
  })
  const commands = async (name: string) => {
    const stats = String(await redis.command('INFO', 'commandstats'))
    return Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
  }

  it('load a cold key once, and all get that one value', async () => {
    for (let i = 0; i < 5; i++) {
      const reports = await fleet.run({ key: `cold-${i}`, callers: 250, loadMs: 200, outcome: 'value' })
      expect(sum(reports)).toBe(1)
      expect(values(reports)).toHaveLength(1)
    }
  })

  it('are woken, not polling: a long load costs each process a read now and then', async () => {
    await redis.command('CONFIG', 'RESETSTAT')
    const reports = await fleet.run({ key: 'long', callers: 250, loadMs: 3_000, outcome: 'value' })
    expect(sum(reports)).toBe(1)
    const reads = (await commands('get')) + (await commands('mget'))
    // Each looks when it comes, when it is woken, and four times a second in between.
    expect(reads).toBeLessThan(4 * (3 + 4 * 3 + 10))
  })

  it('do not queue up behind a load that fails: at most once per process', async () => {
    const began = now()
    const reports = await fleet.run({ key: 'failing', callers: 250, loadMs: 200, outcome: 'error' })
    expect(values(reports)).toEqual(['no failing'])
    expect(sum(reports)).toBeLessThanOrEqual(4)
    expect(now() - began).toBeLessThan(2_000)
  })

  it('do not queue up behind a result that is not kept', async () => {
    const began = now()
    const reports = await fleet.run({ key: 'null', callers: 250, loadMs: 200, outcome: 'null' })
    expect(values(reports)).toEqual(['null'])
    expect(sum(reports)).toBeLessThanOrEqual(4)
    expect(now() - began).toBeLessThan(2_000)
  })

  it('take over from a loader that was killed, once its lease has run out', async () => {
    const round = { key: 'killed', callers: 50, loadMs: 1_000, outcome: 'value' } as const
    fleet.begin(round)
    const loader = await fleet.loader('killed')
    const killed = now()
    fleet.kill(loader)
    const reports = await fleet.reports('killed')
    expect(sum(reports)).toBe(1)
    // The lease is 5 s, and the next load takes one more.
    expect(now() - killed).toBeLessThan(5_000 + 1_000 + 1_500)
  })
})
