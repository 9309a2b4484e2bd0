import { expect, it } from 'vitest'
import { runChild } from '../support/child.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'

const timeout = 60_000

it('names the layer of each answer, in memory', { timeout }, async () => {
  expect(await run(undefined)).toEqual(linesWith('memory'))
})

describeRedis('the fleet example over Redis', () => {
  it('names the layer of each answer, and counts them in Redis', { timeout }, async () => {
    await using redis = await RedisServer.start()
    expect(await run(redis.url)).toEqual(linesWith('redis'))
    expect(await redis.command('GET', 'fleet-example::answers:redis')).toBe('19')
    expect(await redis.command('GET', 'fleet-example::answers:base%20tables')).toBe('3')
    const timeLeft = async (id: number) => Number(await redis.command('PTTL', `fleet-example::sums:${id}`))
    for (const id of [1, 2, 3, 4]) {
      expect(await timeLeft(id)).toBeGreaterThan(480_000)
      expect(await timeLeft(id)).toBeLessThanOrEqual(600_000)
    }
    // Nothing is kept of one that is not there, but for a moment that others need not wait for it.
    expect(await timeLeft(999)).toBeLessThanOrEqual(1_000)
  })
})

/** Only what is missing is asked for: of the view, and, where that is out of date, of the base tables as well. */
function linesWith(cache: string): string[] {
  const view = 'materialised view'
  return [
    `at first: 1 1297 km (${view}), 2 1297 km (${view}), 3 1299 km (${view}); 1 queries`,
    `again: 1 1297 km (${cache}), 2 1297 km (${cache}), 3 1299 km (${cache}); 0 queries`,
    `one more: 1 1297 km (${cache}), 2 1297 km (${cache}), 3 1299 km (${cache}), 4 1301 km (${view}); 1 queries`,
    `after a trip of 2: 1 1297 km (${cache}), 2 1337 km (base tables), 3 1299 km (${cache}), 4 1301 km (${cache}); 2 queries`,
    `after the view was refreshed: 1 1297 km (${cache}), 2 1337 km (${cache}), 3 1299 km (${cache}), 4 1301 km (${cache}); 0 queries`,
    `after a trip of 3, and the view: 1 1297 km (${cache}), 2 1337 km (${cache}), 3 1339 km (${view}), 4 1301 km (${cache}); 1 queries`,
    `two pages at once: 1 (base tables), 2 (${cache}), 1 (base tables), 3 (${cache})`,
    `one that is not there: 4 1301 km (${cache}), 999 unknown; 2 queries`,
    `answers: {"${cache}":19,"${view}":5,"base tables":3}`,
  ]
}

/** What it prints, without what the cache says of its connection. */
async function run(url: string | undefined): Promise<string[]> {
  const env = { REDIS_URL: url }
  // Optimising the code of Postgres takes longer than this short run would gain by it.
  const nodeArgs = ['--liftoff-only']
  const child = runChild('examples/fleet/main.ts', { env, nodeArgs, timeoutMs: timeout / 2 })
  const { code, stdout, stderr } = await child.done
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.split('\n').filter((line) => line !== '' && !line.startsWith('cachewell: '))
}
