import { once } from 'node:events'
import { createServer } from 'node:net'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runChild } from '../support/child.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisSentinel } from '../support/redis-sentinel.ts'
import { until } from '../support/until.ts'
import { counting, isCached, openReady } from './open-cache.ts'

describeRedis('servers that Sentinel watches', () => {
  let group: RedisSentinel
  beforeAll(async () => {
    group = await RedisSentinel.start({ password: 'of the servers' })
  })
  afterAll(() => group[Symbol.asyncDispose]())

  test('are found by a URL of the sentinels, and by a client that knows them', async () => {
    const byUrl = await openReady({ url: group.url, prefix: 'found' })
    await until(() => isCached(byUrl.cache.cached(counting(), { key: 'k', ttl: 60 })))
    const sentinels = group.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))
    const client = new Redis({ sentinels, name: group.name, password: 'of the servers', lazyConnect: true })
    const byClient = await openReady({ client, prefix: 'found' })
    expect(await byClient.cache.get('k')).toBe(await byUrl.cache.get('k'))
    await until(() => isCached(byClient.cache.cached(counting(), { key: 'other', ttl: 60 })))
    expect(client.status).toBe('wait')
  })

  test('are found though a sentinel is hung, and a script that cannot find any ends', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    const hung = group.url.replace('@', `@127.0.0.1:${port},`)
    const { cache } = await openReady({ url: hung, prefix: 'hung' })
    await until(() => isCached(cache.cached(counting(), { key: 'k', ttl: 60 })))
    const child = runChild('test/integration/children/script.ts', {
      env: { URL_OF_STORE: `redis+sentinel://127.0.0.1:${port}/mymaster` },
    })
    expect(await child.done).toMatchObject({ code: 0, timedOut: false })
    silent.close()
  })

  test('fail over on request: the successor is used as soon as it is known, and nothing else after it', async () => {
    const { cache, of } = await openReady({ url: group.url, prefix: 'asked' })
    const call = cache.cached(counting(), { key: 'k', ttl: 600 })
    await until(() => isCached(call))
    await cache.invalidate('gone')
    const before = await group.master()
    const next = await group.failover()
    await until(async () => of('replay').length > 0 && (await isCached(call)), { timeoutMs: 10_000 })
    expect(next.port).not.toBe(before.port)
    expect(await next.command('EXISTS', 'asked::k')).toBe(1)
  })

  test('lose their master: calls go on, and are cached by the successor', async () => {
    const { cache } = await openReady({ url: group.url, prefix: 'killed' })
    const load = counting()
    const call = cache.cached(load, { key: 'k', ttl: 600 })
    await until(() => isCached(call))
    const dead = await group.killMaster()
    await until(async () => {
      await call()
      return load.runs > 3
    })
    const next = await group.waitForNewMaster(dead)
    await until(() => isCached(call), { timeoutMs: 3_000, label: 'a hit at the successor' })
    expect(await next.command('EXISTS', 'killed::k')).toBe(1)
    await dead.restart()
    await group.settled()
  })
})
