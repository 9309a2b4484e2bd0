import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import { RedisSentinel } from '../support/redis-sentinel.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { becomesNear, lastTier } from './near-copies.ts'
import { counting, openReady } from './open-cache.ts'

describeRedis('near caches of a cluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await RedisCluster.start({ replicasPerMaster: 1 })
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  let prefixes = 0
  async function open() {
    const prefix = `near${++prefixes}`
    const opened = await openReady({ url: cluster.url, prefix, near: true })
    return { opened, prefix, call: opened.cache.cached(counting(), { key: 'k', ttl: 60, tags: () => ['t'] }) }
  }

  test('hear every master', async () => {
    const { opened, prefix, call } = await open()
    const ids = Array.from({ length: 30 }, (_, id) => id)
    for (const id of ids) await becomesNear(opened, () => call(id))
    const { cache: other } = await openReady({ url: cluster.url, prefix })
    expect(await other.invalidate('k:*')).toMatchObject({ removed: 30 })
    await opened.cache.barrier()
    const runs = await Promise.all(ids.map((id) => call(id)))
    expect(Math.min(...runs)).toBeGreaterThan(30)
    const value = await becomesNear(opened, () => call(0))
    await other.invalidateTags('t')
    await opened.cache.barrier()
    expect(await call(0)).not.toBe(value)
  })

  test('follow a slot that moves', async () => {
    const { opened, prefix, call } = await open()
    const key = `${prefix}::k`
    const value = await becomesNear(opened, () => call())
    const from = await cluster.masterOf(key)
    const to = (await cluster.masters()).find((master) => master !== from) as RedisServer
    const migration = await cluster.beginMigration(await cluster.keySlot(key), to)
    await migration.moveKeys()
    // Of a slot on its way nothing is kept: its old master is asked first, and does not hear of changes at the new one.
    for (let i = 0; i < 5; i++) expect(await call()).toBe(value)
    expect(lastTier(opened)).toBe('redis')
    await migration.finish()
    await until(async () => (await call()) !== undefined && lastTier(opened) === 'near')
    await to.command('DEL', key)
    await opened.cache.barrier()
    const next = await call()
    expect(next).not.toBe(value)
  })

  test('follow a replica that takes over while its master stays connected', async () => {
    const { opened, prefix, call } = await open()
    const key = `${prefix}::k`
    const value = await becomesNear(opened, () => call())
    const next = await cluster.failover(key)
    await next.command('DEL', key)
    // Within the bound, though nothing but copies has been asked for.
    await until(async () => (await call()) !== value, { timeoutMs: 4_000 })
    await becomesNear(opened, () => call())
    await cluster.settled()
  })
})

describeRedis('near caches of a Redis that sentinels watch', () => {
  test('follow its successor', async () => {
    await using sentinel = await RedisSentinel.start()
    const opened = await openReady({ url: sentinel.url, near: true, prefix: 'near' })
    const call = opened.cache.cached(counting(), { key: 'k', ttl: 60 })
    await becomesNear(opened, call)
    const next = await sentinel.failover()
    await until(() => opened.of('connection').filter(({ state }) => state === 'ready').length > 1)
    const value = await becomesNear(opened, call)
    await next.command('DEL', 'near::k')
    await opened.cache.barrier()
    expect(await call()).not.toBe(value)
  })
})
