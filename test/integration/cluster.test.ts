import { type Cache, createCache } from 'cachewell'
import { Cluster } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runChild } from '../support/child.ts'
import { sleep } from '../support/real-time.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import { RedisServer } from '../support/redis-server.ts'
import { hold, TcpProxy, up } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { counting, isCached, makeGate, openCache, openReady, timed } from './open-cache.ts'

describeRedis('a cluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await RedisCluster.start({ replicasPerMaster: 1 })
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  let prefixes = 0
  /** A cache with a prefix of its own. */
  const open = (options: object = {}) => openReady({ url: cluster.url, prefix: `test${++prefixes}`, ...options })

  test('stores on all masters, in one write for each, and finds everything again', async () => {
    const { cache, of } = await open()
    const load = counting((_run, id) => ({ id }))
    const call = cache.cached(load, { key: 'user', ttl: 60 })
    const ids = Array.from({ length: 100 }, (_, id) => id)
    const values = ids.map((id) => ({ id }))
    expect(await Promise.all(ids.map((id) => call(id)))).toEqual(values)
    await until(() => of('store').filter(({ stored }) => stored).length === 100)
    expect(await Promise.all(ids.map((id) => call(id)))).toEqual(values)
    expect(load.runs).toBe(100)
    for (const master of await cluster.masters()) expect(await master.command('DBSIZE')).toBeGreaterThan(10)
  })

  test('is found by any one of its servers, a replica too, and by a Cluster that is passed in', async () => {
    for (const { port } of cluster.nodes) {
      const { cache } = await openReady({ url: `redis+cluster://127.0.0.1:${port}`, prefix: 'found' })
      await until(() => isCached(cache.cached(counting(), { key: `by:${port}`, ttl: 60 })))
    }
    const client = new Cluster([{ host: '127.0.0.1', port: cluster.nodes[0]?.port as number }], { lazyConnect: true })
    const { cache } = await openReady({ client, prefix: 'found' })
    await until(() => isCached(cache.cached(counting(), { key: 'by:client', ttl: 60 })))
    expect(client.status).toBe('wait')
  })

  test('a seed that is not there does not matter', async () => {
    const [first] = cluster.nodes
    const { cache } = await openReady({ url: `redis+cluster://127.0.0.1:1,127.0.0.1:${first?.port}`, prefix: 'seeds' })
    await until(() => isCached(cache.cached(counting(), { key: 'k', ttl: 60 })))
  })

  test('is found although it was not there at first, by calls alone', async () => {
    await using proxy = await TcpProxy.start(cluster.nodes[0] as RedisServer)
    proxy.refuse()
    const { cache } = openCache({ url: `redis+cluster://127.0.0.1:${proxy.port}`, prefix: 'later' })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    expect([await call(), await call()]).toEqual([1, 2])
    await proxy.accept()
    await until(() => isCached(call))
  })

  test('lets no script end in the middle of an invalidation', async () => {
    const child = runChild('test/integration/children/invalidator.ts', { env: { CACHE_URL: cluster.url } })
    expect(await child.done).toMatchObject({ code: 0, messages: [{ deferred: false }, { deferred: false }] })
  })

  test('removes by pattern on every master, and nothing of others', async () => {
    const { cache } = await open({ prefix: 'mine' })
    const other = await open({ prefix: 'mine2' })
    const ids = Array.from({ length: 60 }, (_, id) => id)
    const setAll = (one: Cache) =>
      one.setMany(
        ids.map((id) => [['user', id], id] as const),
        { ttl: 60 },
      )
    expect(await Promise.all([setAll(cache), setAll(other.cache)])).toEqual([true, true])
    expect(await cache.getMany(ids.map((id) => ['user', id]))).toEqual(ids)
    expect(await cache.invalidate('user:1*')).toEqual({ removed: 11, deferred: false })
    expect(await cache.invalidate('*', { mode: 'expire' })).toEqual({ removed: 49, deferred: false })
    expect(await cache.getMany(ids.map((id) => ['user', id]))).toEqual(ids.map(() => undefined))
    expect(await other.cache.getMany(ids.map((id) => ['user', id]))).toEqual(ids)
  })

  test('ends entries by tags, wherever the stamp of a tag is', async () => {
    const { cache } = await open()
    const load = counting((_run, id) => ({ id, org: Number(id) % 5 }))
    const call = cache.cached(load, {
      key: 'user',
      ttl: 60,
      tags: () => ['users'],
      resultTags: ({ org }: { org: number }) => [`org:${org}`],
    })
    const ids = Array.from({ length: 50 }, (_, id) => id)
    const loads = async () => {
      const before = load.runs
      await Promise.all(ids.map((id) => call(id)))
      await until(() => cache.stats().stores === load.runs)
      return load.runs - before
    }
    expect([await loads(), await loads()]).toEqual([50, 0])
    await cache.invalidateTags('org:3')
    expect([await loads(), await loads()]).toEqual([10, 0])
    await cache.invalidateTags('users')
    expect([await loads(), await loads()]).toEqual([50, 0])
  })

  test('counts', async () => {
    const { cache } = await open()
    const keys = Array.from({ length: 20 }, (_, i) => ['count', i] as const)
    await Promise.all(keys.flatMap((key) => [1, 2, 3].map((by) => cache.increment(key, by, { ttl: 60 }))))
    expect(await cache.getMany(keys)).toEqual(keys.map(() => 6))
    // The ttl is that of the first count, whichever of many that is, and later ones do not put it off.
    await Promise.all(keys.map((key) => cache.decrement(key, 6, { ttl: '1h' })))
    for (const { stored } of await Promise.all(keys.map((key) => cache.explain(key)))) {
      expect(stored).toMatchObject([{ kind: 'counter' }])
      expect(stored[0]?.goneInMs).toBeGreaterThan(0)
      expect(stored[0]?.goneInMs).toBeLessThanOrEqual(60_000)
    }
  })

  test('loads a cold key once for two caches, the other one woken by the master that has the key', async () => {
    const [one, two] = [await open({ prefix: 'shared' }), await open({ prefix: 'shared' })]
    const gate = makeGate()
    const load = counting(async () => gate.opened.then(() => 'value'))
    const calls = [one, two].map(({ cache }) => cache.cached(load, { key: 'cold', ttl: 60 }))
    const answers = Promise.all(calls.map((call) => call()))
    await until(() => load.runs === 1)
    const owner = await cluster.masterOf('shared::cold')
    await until(async () => /flags=\S*t/.test(String(await owner.command('CLIENT', 'LIST'))), {
      label: 'a tracking connection',
    })
    gate.open()
    const { ms } = await timed(() => answers)
    expect(await answers).toEqual(['value', 'value'])
    // Else it would be looked at again when the lease ends, after 5 s.
    expect(ms).toBeLessThan(2_000)
    expect(load.runs).toBe(1)
  })

  test('a result is not stored whose tag was invalidated, though another master tells of the tag late', async () => {
    const prefix = `test${++prefixes}`
    const ofAny = await cluster.masterOf(`${prefix}#`)
    const tags = Array.from({ length: 100 }, (_, i) => `t${i}`)
    const masters = await Promise.all(tags.map((tag) => cluster.masterOf(`${prefix}#${tag}`)))
    const at = masters.findIndex((master) => master !== ofAny)
    const tag = tags[at] as string
    await using proxy = await TcpProxy.start(masters[at] as RedisServer)
    const natMap = { [`127.0.0.1:${masters[at]?.port}`]: { host: '127.0.0.1', port: proxy.port } }
    const client = new Cluster([{ host: '127.0.0.1', port: ofAny.port }], { lazyConnect: true, natMap })
    const { cache, of } = await openReady({ client, prefix, commandTimeout: '5s' })
    const { cache: other } = await openReady({ url: cluster.url, prefix })
    // Known before, so that its age is what tells.
    await until(() => cache.set('tagged', 1, { ttl: 60, tags: [tag] }))
    const gate = makeGate()
    const load = counting(async () => gate.opened.then(() => 'old'))
    const call = cache.cached(load, { key: 'k', ttl: 60, resultTags: () => [tag] })
    const answer = call()
    await until(() => load.runs === 1)
    const lift = proxy.apply(up(hold()))
    gate.open()
    expect(await answer).toBe('old')
    await sleep(100)
    await other.invalidateTags(tag)
    lift()
    await until(() => of('store').length === 1)
    expect(of('store')).toMatchObject([{ stored: false, reason: 'superseded' }])
  })

  describe('in which slots move', () => {
    const otherThan = async (owner: RedisServer) =>
      (await cluster.masters()).find((master) => master !== owner) as RedisServer

    test('serves and stores a key that has moved, and one that is on its way', async () => {
      const { cache, of } = await open()
      const prefix = `test${prefixes}`
      const load = counting()
      const call = cache.cached(load, { key: 'k', ttl: 60 })
      await until(() => isCached(() => call(1)))
      const key = `${prefix}::k:1`
      const from = await cluster.masterOf(key)
      const migration = await cluster.beginMigration(await cluster.keySlot(key), await otherThan(from))
      const value = await call(1)
      expect(await call(1)).toBe(value)
      await migration.moveKeys()
      // The old master answers with ASK, the new one only to those who were sent.
      expect(await call(1)).toBe(value)
      expect((await cache.invalidate(['k', 1])).removed).toBe(1)
      expect(await isCached(() => call(1))).toBe(true)
      await migration.finish()
      // Whoever hears that a slot has another owner carries out once more what it has lately removed.
      await until(() => isCached(() => call(1)))
      expect(of('trouble').filter(({ error }) => error.code !== 'DEFERRED')).toEqual([])
    })

    test('a pattern misses nothing that moves meanwhile, or says that it may have', async () => {
      const { cache } = await open()
      const prefix = `test${prefixes}`
      const ids = Array.from({ length: 300 }, (_, id) => id)
      await cache.setMany(
        ids.map((id) => [['n', id], id] as const),
        { ttl: 600 },
      )
      let moving = true
      const move = async () => {
        for (let i = 0; moving; i = (i + 1) % ids.length) {
          const slot = await cluster.keySlot(`${prefix}::n:${ids[i]}`)
          await cluster.migrateSlot(slot, await otherThan(await cluster.masterOf(`${prefix}::n:${ids[i]}`)))
        }
      }
      const moved = move()
      const { deferred } = await cache.invalidate('n:*')
      moving = false
      await moved
      await cluster.settled()
      if (deferred)
        await until(async () => (await cache.getMany(ids.map((id) => ['n', id]))).every((one) => one === undefined))
      const left = await Promise.all(
        (await cluster.masters()).map((master) => master.command('KEYS', `${prefix}::n:*`)),
      )
      await until(
        async () => {
          const all = await Promise.all(
            (await cluster.masters()).map((master) => master.command('KEYS', `${prefix}::n:*`)),
          )
          return all.flat().length === 0
        },
        { label: `nothing left of ${left.flat().length}` },
      )
    })
  })

  test('fails over: the keys of a dead master are loaded meanwhile, those of others served, then all are again', async () => {
    const { cache, of } = await open()
    const prefix = `test${prefixes}`
    const load = counting()
    const call = cache.cached(load, { key: 'k', ttl: 600 })
    const [first, second] = await keysOfTwoMasters(prefix)
    for (const id of [first, second]) await until(() => isCached(() => call(id)))
    const kept = await call(second)
    const dead = await cluster.killMaster(`${prefix}::k:${first}`)
    await until(() => of('connection').some(({ state }) => state === 'lost'))
    const began = performance.now()
    await call(first)
    expect(performance.now() - began).toBeLessThan(500)
    expect(await call(second)).toBe(kept)
    await cluster.waitForFailover(`${prefix}::k:${first}`, dead)
    await until(() => isCached(() => call(first)), { label: 'a hit at the successor', timeoutMs: 3_000 })
    await dead.restart()
    await cluster.settled()
  })

  async function keysOfTwoMasters(prefix: string): Promise<[number, number]> {
    const first = await cluster.masterOf(`${prefix}::k:0`)
    for (let id = 1; ; id++) if ((await cluster.masterOf(`${prefix}::k:${id}`)) !== first) return [0, id]
  }

  test('what was invalidated in the last minute is invalidated again when a replica has taken over', async () => {
    const key = `test${++prefixes}::k`
    const [replica] = (await cluster.replicasOf(key)) as [RedisServer]
    await using proxy = await TcpProxy.start(replica)
    proxy.refuse()
    const natMap = { [`127.0.0.1:${replica.port}`]: { host: '127.0.0.1', port: proxy.port } }
    const client = new Cluster([{ host: '127.0.0.1', port: cluster.nodes[0]?.port as number }], {
      lazyConnect: true,
      natMap,
    })
    const { cache, of } = await openReady({ client, prefix: `test${prefixes}` })
    await until(() => cache.set('k', 'old', { ttl: 600 }))
    await cache.invalidate('k')
    const entry = await entryOf(`test${prefixes}`)
    const dead = await cluster.killMaster(key)
    const next = await cluster.waitForFailover(key, dead)
    // As if the invalidation had not come to the replica in time.
    await next.command('SET', key, entry, 'PX', 600_000)
    expect(of('replay')).toEqual([])
    await proxy.accept()
    await until(() => of('replay').length > 0)
    expect(await cache.get('k')).toBeUndefined()
    await dead.restart()
    await cluster.settled()
  })

  /** An entry as `set` writes it. */
  async function entryOf(prefix: string): Promise<string> {
    const { cache } = await open({ prefix: `${prefix}:twin` })
    await until(() => cache.set('k', 'old', { ttl: 600 }))
    return String(await (await cluster.masterOf(`${prefix}:twin::k`)).command('GET', `${prefix}:twin::k`))
  }

  test('that is none says so', async () => {
    await using server = await RedisServer.start()
    const lines: string[] = []
    const write = (line: string) => void lines.push(line)
    const { cache } = openCache({
      url: server.url.replace('redis:', 'redis+cluster:'),
      logger: { info: write, warn: write, error: write },
    })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    expect([await call(), await call()]).toEqual([1, 2])
    expect(lines.join('\n')).toContain('write redis://')
  })

  test('one server of which is taken for the whole says so', async () => {
    const lines: string[] = []
    const write = (line: string) => void lines.push(line)
    const port = (await cluster.masters())[0]?.port
    const logger = { info: write, warn: write, error: write }
    const { cache } = await openReady({ url: `redis://127.0.0.1:${port}`, logger })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    await Promise.all(Array.from({ length: 20 }, (_, id) => call(id)))
    expect(lines.join('\n')).toContain('write redis+cluster://')
  })

  test.each([
    [{ scaleReads: 'slave' as const }, "scaleReads: 'master'"],
    [{ keyPrefix: 'x:' }, "keyPrefix 'x:'"],
    [{ redisOptions: { keyPrefix: 'x:' } }, "keyPrefix 'x:'"],
  ])('a Cluster with %j is refused', (options, message) => {
    const client = new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true, ...options })
    expect(() => createCache({ client })).toThrow(message)
  })
})
