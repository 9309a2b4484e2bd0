import { expect, it } from 'vitest'
import { runChild } from '../support/child.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'

const AT_FIRST = '50 open, 0 closed, agent-1 25, agent-2 25'
const ONE_CLOSED = '49 open, 1 closed, agent-2 25, agent-1 24'

/** Three of four answers are made of tickets, two of settings; what a tenant changes ends its own alone. */
const CHANGES = [
  `at first, acme: ${AT_FIRST}, the help desk of acme; 0 queries`,
  `at first, globex: ${AT_FIRST}, the help desk of globex; 0 queries`,
  `after acme closed a ticket, acme: ${ONE_CLOSED}, the help desk of acme; 3 queries`,
  `after acme closed a ticket, globex: ${AT_FIRST}, the help desk of globex; 0 queries`,
  'refused: agent-2 has enough to do',
  `after what was refused, acme: ${ONE_CLOSED}, the help desk of acme; 0 queries`,
  `after what was refused, globex: ${AT_FIRST}, the help desk of globex; 0 queries`,
  `after globex changed its settings, acme: ${ONE_CLOSED}, the help desk of acme; 0 queries`,
  `after globex changed its settings, globex: ${AT_FIRST}, your help desk; 2 queries`,
]

it('each tenant has its own dashboard, ended when a change is committed, in memory', async () => {
  expect(await run(undefined)).toEqual([
    'the first process warms acme: 4 loaded, 0 fresh',
    'the first process warms globex: 4 loaded, 0 fresh',
    'another process warms acme: 4 loaded, 0 fresh',
    'another process warms globex: 4 loaded, 0 fresh',
    ...CHANGES,
    'the history of acme has 18435 bytes, in memory: not compressed',
  ])
})

describeRedis('the help-desk example over Redis', () => {
  it('warms what no other process has warmed, keeps tenants apart, and compresses what is large', async () => {
    await using redis = await RedisServer.start()
    expect(await run(redis.url)).toEqual([
      'the first process warms acme: 4 loaded, 0 fresh',
      'the first process warms globex: 4 loaded, 0 fresh',
      'another process warms acme: 0 loaded, 4 fresh',
      'another process warms globex: 0 loaded, 4 fresh',
      ...CHANGES,
      'the history of acme has 18435 bytes, in redis: gzip',
    ])
    const seconds = { figures: 30 + 60, workload: 120, history: 900, settings: 21_600 }
    const keys = ['acme', 'globex'].flatMap((tenant) =>
      Object.entries(seconds).map(([name, ttl]) => ({ key: `help-desk-example::^${tenant}:${name}`, ttl })),
    )
    for (const { key, ttl } of keys) {
      const left = Number(await redis.command('PTTL', key)) / 1_000
      expect(left, key).toBeGreaterThan(ttl * 0.9 - 30)
      expect(left, key).toBeLessThanOrEqual(ttl)
      expect(Number(await redis.command('STRLEN', key)), key).toBeLessThan(10_240)
    }
    const stored = (await redis.command('KEYS', 'help-desk-example::*')) as string[]
    expect(stored.sort()).toEqual(keys.map(({ key }) => key).sort())
  })
})

/** What it prints, without what the cache says of its connection. */
async function run(url: string | undefined): Promise<string[]> {
  const { code, stdout, stderr } = await runChild('examples/help-desk/main.ts', { env: { REDIS_URL: url } }).done
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.split('\n').filter((line) => line !== '' && !line.startsWith('cachewell: '))
}
