import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Certificates, makeCertificates } from '../support/certificates.ts'
import { runChild } from '../support/child.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { counting, isCached, openCache } from './open-cache.ts'

describeRedis('a Redis behind TLS', () => {
  let certificates: Certificates
  let server: RedisServer
  let folder: string
  beforeAll(async () => {
    certificates = await makeCertificates()
    server = await RedisServer.start({ tls: certificates.server, password: 'tls p@ss' })
    folder = await mkdtemp(join(tmpdir(), 'cachewell-tls-'))
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  const child = async (ca: string | undefined, url = server.url) => {
    const file = join(folder, `${Math.random()}.pem`)
    if (ca) await writeFile(file, ca)
    const env = { URL_OF_STORE: url, KEY: `run${Math.random()}`.replace('.', ''), NODE_EXTRA_CA_CERTS: ca && file }
    return runChild('test/integration/children/script.ts', { env }).done
  }

  test('is trusted by its authority, from the environment', async () => {
    const { code, messages } = await child(certificates.ca)
    expect(messages).toMatchObject([{ results: [1, 1, 1], unhandled: [] }])
    expect(code).toBe(0)
  })

  test.each([
    ['another authority', () => certificates.strangerCa],
    ['none', () => undefined],
  ])('is refused with %s, and the calls go on', async (_what, caOf) => {
    const { code, messages } = await child(caOf())
    expect(messages).toMatchObject([{ results: [1, 2, 3], unhandled: [] }])
    expect(code).toBe(0)
  })

  test('is refused where its certificate names another host', async () => {
    const tls = { ca: certificates.ca, servername: 'redis.example.com' }
    const client = new Redis(server.url, { tls, lazyConnect: true })
    const { cache, of } = openCache({ client })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    expect([await call(), await call()]).toEqual([1, 2])
    expect(of('connection')).toMatchObject([{ state: 'failed', error: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } }])
  })

  test('is not asked in plain text', async () => {
    const { messages, code } = await child(certificates.ca, server.url.replace('rediss:', 'redis:'))
    expect(messages).toMatchObject([{ results: [1, 2, 3], unhandled: [] }])
    expect(code).toBe(0)
  })

  test('works with a client that trusts its authority, also after a restart', async () => {
    const client = new Redis(server.url, { tls: { ca: certificates.ca }, lazyConnect: true })
    const { cache, of } = openCache({ client })
    const call = cache.cached(counting(), { key: 'restart', ttl: 60 })
    await call()
    await until(() => of('store').length === 1)
    expect(await call()).toBe(1)
    await server.kill()
    expect(await call()).toBe(2)
    await server.restart()
    await until(() => isCached(call))
  })
})
