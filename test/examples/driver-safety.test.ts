import { expect, it } from 'vitest'
import { runChild } from '../support/child.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'

/** Reads of drivers, of the scores of both, of incidents, and of the reports of January and February. */
const READS = {
  'at first': [1, 1, 2, 1, 2, 2],
  again: [0, 0, 0, 0, 0, 0],
  'after an incident of driver 1 in January': [0, 1, 0, 1, 2, 0],
  'after that one was put down to driver 2, in February': [0, 1, 1, 1, 2, 2],
  'after driver 2 has moved': [1, 0, 0, 0, 2, 2],
  'after the first incident was deleted': [0, 1, 0, 1, 2, 0],
  'after driver 2 was deleted': [1, 0, 1, 1, 2, 2],
  'at last': [1, 1, 1, 0, 2, 2],
}

const ANSWERS = {
  'at first': ['{"score":90}', '{"score":100}', '{"north":1}', '{}'],
  again: ['{"score":90}', '{"score":100}', '{"north":1}', '{}'],
  'after an incident of driver 1 in January': ['{"score":85}', '{"score":100}', '{"north":2}', '{}'],
  'after that one was put down to driver 2, in February': [
    '{"score":90}',
    '{"score":95}',
    '{"north":1}',
    '{"south":1}',
  ],
  'after driver 2 has moved': ['{"score":90}', '{"score":95}', '{"north":1}', '{"north":1}'],
  'after the first incident was deleted': ['{"score":100}', '{"score":95}', '{}', '{"north":1}'],
  'after driver 2 was deleted': ['{"score":100}', '{"message":"there is none"}', '{}', '{}'],
}

const ONE_BY_ONE = `-- one who is not there, and then is
GET /drivers/3: 404 {"message":"there is none"}, 1 reads
GET /drivers/3: 404 {"message":"there is none"}, 0 reads
POST /drivers: 201 {"badge":"D-103","depot":"south","id":3}, 0 reads
GET /drivers/3: 200 {"badge":"D-103","depot":"south","id":3}, 1 reads
PUT /drivers/3: 200 {"badge":"D-103","depot":"north","id":3}, 0 reads
GET /drivers/3: 200 {"badge":"D-103","depot":"north","id":3}, 0 reads
-- nonsense
GET /drivers/three: 400 {"message":"an id is a whole number from 1 to 1000000000"}, 0 reads
GET /reports/2026-13: 400 {"message":"month does not look like one"}, 0 reads
POST /incidents: 400 {"message":"no such driver"}, 1 reads
`

it('a change ends what shows it, and nothing else, in memory', async () => {
  await checkRun(undefined)
})

describeRedis('the driver-safety example over Redis', () => {
  it('a change ends what shows it, and nothing else; every kind of answer has its own ttl', async () => {
    await using redis = await RedisServer.start()
    await checkRun(redis.url)
    const ttls = { 'drivers:list': 300, 'drivers:one:1': 1_800, 'incidents:list': 60, 'scores:1': 3_600 }
    for (const [key, seconds] of Object.entries({ ...ttls, 'reports:monthly:2026-01': 6 * 3_600 + 86_400 })) {
      const left = Number(await redis.command('PTTL', `driver-safety-example::${key}`)) / 1_000
      expect(left, key).toBeGreaterThan(seconds - 30)
      expect(left, key).toBeLessThanOrEqual(seconds)
    }
  })
})

async function checkRun(url: string | undefined): Promise<void> {
  const run = runChild('examples/driver-safety/main.ts', { args: ['--once'], env: { REDIS_URL: url } })
  const { code, stdout, stderr } = await run.done
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const gets = (when: string) => {
    const section = stdout.split('-- ').find((text) => text.startsWith(`${when}\n`)) ?? ''
    return [...section.matchAll(/^GET (\S+): \d+ (.*), (\d+) reads$/gm)].map(([, path, answer, reads]) => ({
      path: path ?? '',
      answer,
      reads: Number(reads),
    }))
  }
  for (const [when, reads] of Object.entries(READS)) {
    expect(
      gets(when).map((get) => get.reads),
      when,
    ).toEqual(reads)
  }
  for (const [when, answers] of Object.entries(ANSWERS)) {
    const asked = gets(when).filter(({ path }) => /score|reports/.test(path))
    expect(
      asked.map(({ answer }) => answer),
      when,
    ).toEqual(answers)
  }
  expect(stdout.slice(stdout.indexOf('-- one'), stdout.indexOf('-- at last'))).toBe(ONE_BY_ONE)
}
