import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeCertificates } from '../support/certificates.ts'
import { runChild } from '../support/child.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'

const MAIN = 'examples/dashboard/main.ts'

it('answers without a cache when the variable is empty', async () => {
  const { code, stdout, stderr } = await runChild(MAIN, { env: { DASHBOARD_CACHE_URL: '' } }).done
  expect(code).toBe(0)
  expect(stdout).toContain('4 queries for 4 requests, 0 answers from the cache')
  expect(stderr + stdout).toContain('caching is off')
})

describeRedis('the dashboard example over TLS', () => {
  it('keeps its figures for five minutes under readable keys', async () => {
    const certificates = await makeCertificates()
    await using redis = await RedisServer.start({ tls: certificates.server, password: 'dashboards' })
    const folder = await mkdtemp(join(tmpdir(), 'dashboard-'))
    try {
      const authority = join(folder, 'ca.pem')
      await writeFile(authority, certificates.ca)
      const env = { DASHBOARD_CACHE_URL: redis.url, NODE_EXTRA_CA_CERTS: authority }
      const { code, stdout } = await runChild(MAIN, { env }).done
      expect(stdout).toContain('2 queries for 4 requests, 2 answers from the cache')
      expect(code).toBe(0)
    } finally {
      await rm(folder, { recursive: true })
    }
    const keys = (await redis.command('KEYS', '*')) as string[]
    expect(keys.sort()).toEqual([
      'dashboard-example::dashboard:stats:2026-01-31:30',
      'dashboard-example::dashboard:stats:2026-01-31:7',
    ])
    for (const key of keys) {
      const left = Number(await redis.command('PTTL', key))
      expect(left).toBeGreaterThan(240_000)
      expect(left).toBeLessThanOrEqual(300_000)
    }
  })
})
