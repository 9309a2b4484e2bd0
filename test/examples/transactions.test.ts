import { expect, it } from 'vitest'
import { runChild } from '../support/child.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'

const LINES = [
  'at first: 1000 and 0, 2 of 2 from the database',
  'again: 1000 and 0, 0 of 2 from the database',
  'after a transfer of 300: 700 and 300, 2 of 2 from the database',
  'a transfer of 5000 was rolled back: not enough money',
  'after the rollback: 700 and 300, 0 of 2 from the database',
]

const run = async (url: string | undefined) => {
  const { code, stdout } = await runChild('examples/transactions/main.ts', {
    env: { REDIS_URL: url },
    timeoutMs: 30_000,
  }).done
  return { code, lines: stdout.split('\n').filter((line) => LINES.includes(line)) }
}

it('transactions publish nothing before the commit, and nothing of a rollback, in memory', async () => {
  expect(await run(undefined)).toEqual({ code: 0, lines: LINES })
})

describeRedis('transactions over Redis', () => {
  it('publish nothing before the commit, and nothing of a rollback', async () => {
    await using redis = await RedisServer.start()
    expect(await run(redis.url)).toEqual({ code: 0, lines: LINES })
  })
})
