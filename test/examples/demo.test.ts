import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const tsx = createRequire(import.meta.url).resolve('tsx/cli')

/** What the write of the demo can change. All other answers have to stay cached. */
const CHANGED_BY_THE_WRITE = [
  "originSummary('ATL')",
  'busiestOrigins(10)',
  'busiestPairs(10)',
  'delaysByDay()',
  'weeklyTrend()',
]

const timeout = 120_000

test('answers come from the function, then from memory, then from where they must', { timeout }, async () => {
  const { code, stdout, stderr } = await runDemo(['--once'])

  expect(code, stderr).toBe(0)
  expect(stdout).toMatch(/flights-200k +200,000 \/ 200,000 rows/)
  expect(stdout).toContain('Store: memory')
  const rows = tableRows(stdout)
  expect(rows).toHaveLength(14)
  for (const { call, cold, warm, after } of rows) {
    const wanted = CHANGED_BY_THE_WRITE.includes(call) ? 'function' : 'memory'
    expect({ call, cold, warm, after }).toEqual({ call, cold: 'function', warm: 'memory', after: wanted })
  }
  expect(rows.map(({ call }) => call)).toEqual(expect.arrayContaining(CHANGED_BY_THE_WRITE))
  expect(stdout).toContain('16 rows updated, 5 cached answers removed')
  expect(stdout).toContain('warm answers equal to the cold ones: 14 of 14')
  expect(stdout).toContain("answers after the write equal to the database's: 14 of 14")
  expect(stdout).toContain('answers that the page is sent equal to these: 14 of 14')
  expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
})

test('without the Redis of REDIS_URL it works all the same, and says so', { timeout }, async () => {
  const port = await closedPort()
  const REDIS_URL = `redis://:not-to-be-shown@127.0.0.1:${port}`
  const { code, stdout, stderr } = await runDemo(['--once'], { REDIS_URL })

  expect(code, stderr).toBe(0)
  expect(stdout).toContain(`REDIS_URL is set, but Redis cannot be reached at 127.0.0.1:${port}`)
  expect(stdout + stderr).not.toContain('not-to-be-shown')
  const rows = tableRows(stdout)
  expect(rows).toHaveLength(14)
  for (const { cold, warm, after } of rows) expect([cold, warm, after]).toEqual(['function', 'function', 'function'])
  expect(stdout).toContain("answers after the write equal to the database's: 14 of 14")
})

describeRedis('the demo over Redis', () => {
  test('answers come from Redis once, and then from the copies in this process', { timeout }, async () => {
    await using redis = await RedisServer.start({ password: 'not-to-be-shown' })
    const { code, stdout, stderr } = await runDemo(['--once', '--near'], { REDIS_URL: redis.url })

    expect(code, stderr).toBe(0)
    expect(stdout).toContain(`Store: Redis at 127.0.0.1:${redis.port}, with near copies`)
    expect(stdout + stderr).not.toContain('not-to-be-shown')
    const rows = tableRows(stdout)
    expect(rows).toHaveLength(14)
    for (const { call, cold, warm, after } of rows) {
      const wanted = CHANGED_BY_THE_WRITE.includes(call) ? 'function' : 'near'
      expect({ call, cold, warm, after }).toEqual({ call, cold: 'function', warm: 'redis', after: wanted })
    }
    expect(stdout).toContain('16 rows updated, 5 cached answers removed')
    expect(stdout).toContain("answers after the write equal to the database's: 14 of 14")
    expect(stdout).toContain('answers that the page is sent equal to these: 14 of 14')
  })
})

test.each([
  [['--twice'], "Unknown option '--twice'"],
  [['--port=http'], 'not a port: http'],
  [['--once', '--near'], 'set REDIS_URL'],
])('%j is answered with what is wrong and the usage', { timeout }, async (args, wrong) => {
  const { code, stdout, stderr } = await runDemo(args)

  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain(wrong)
  expect(stderr).toContain('usage: npm run demo -- [--port')
})

async function runDemo(args: readonly string[], settings: Record<string, string> = {}) {
  const { REDIS_URL: _, ...env } = process.env
  const command = [tsx, 'examples/demo/main.ts', ...args]
  const demo = spawn(process.execPath, command, { cwd: root, env: { ...env, ...settings } })
  const [stdout, stderr, [code]] = await Promise.all([text(demo.stdout), text(demo.stderr), once(demo, 'close')])
  return { code: code as number | null, stdout, stderr }
}

function tableRows(stdout: string) {
  const row = /^(?<call>\w+\(.*?\)) +\S+ +[\d.]+ +(?<cold>\w+) +[\d.]+ +(?<warm>\w+) +[\d.]+ +(?<after>\w+)$/gm
  return [...stdout.matchAll(row)].map(({ groups }) => groups as Record<'call' | 'cold' | 'warm' | 'after', string>)
}

/** A port that was free a moment ago: nobody listens there. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
