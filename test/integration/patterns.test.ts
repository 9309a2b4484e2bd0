import { type Cache, CacheConfigError, commitScope, type InvalidateProgress } from 'cachewell'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { commandCounts, counting, openReady } from './open-cache.ts'

const OTHERS = 50_000
const MATCHING = 3_000

interface Stage {
  readonly url: string
  readonly servers: readonly RedisServer[]
}

/** In a cluster a server takes only keys of its own slots, and in one command only keys of one of them. */
async function fill(server: RedisServer, count: number): Promise<void> {
  for (let tag = 0; ; tag++) {
    const name = `others{${tag}}`
    const isOwn = await server.command('SET', `${name}:0`, 'x').catch(() => undefined)
    if (!isOwn) continue
    for (let i = 0; i < count; i += 1_000) {
      const pairs = Array.from({ length: 1_000 }, (_, j) => [`${name}:${i + j}`, 'x']).flat()
      await server.command('MSET', ...pairs)
    }
    return
  }
}

/** The most arguments that any command of this name had. */
async function mostArguments(server: RedisServer, name: string): Promise<number> {
  const lengths = (await slowLog(server, name)).map((words) => {
    // Of more than 32 the last one says how many more there are.
    const more = /\((\d+) more arguments\)/.exec(words.at(-1) ?? '')
    return words.length - 1 + (more ? Number(more[1]) - 1 : 0)
  })
  return Math.max(0, ...lengths)
}

async function slowLog(server: RedisServer, name: string): Promise<string[][]> {
  const log = (await server.command('SLOWLOG', 'GET', '-1')) as [unknown, unknown, unknown, string[]][]
  return log.map(([, , , words]) => words).filter(([command]) => command?.toLowerCase() === name)
}

function describePatterns(name: string, start: () => Promise<Stage & AsyncDisposable>): void {
  describe(name, () => {
    let stage: Stage & AsyncDisposable
    beforeAll(async () => {
      stage = await start()
      for (const server of stage.servers) await fill(server, OTHERS / stage.servers.length)
    }, 60_000)
    afterAll(() => stage[Symbol.asyncDispose]())

    let cache: Cache
    let prefixes = 0
    const items = Array.from({ length: MATCHING }, (_, i) => [['user', i], { i }] as const)
    const stored = async () => (await cache.getMany(items.map(([key]) => key))).filter((value) => value !== undefined)
    beforeEach(async () => {
      cache = (await openReady({ url: stage.url, prefix: `patterns${++prefixes}`, commandTimeout: '5s' })).cache
      expect(await cache.setMany(items, { ttl: '5m' })).toBe(true)
      expect(await cache.set(['other', 1], 'stays', { ttl: '5m' })).toBe(true)
      for (const server of stage.servers) {
        await server.command('CONFIG', 'RESETSTAT')
        await server.command('CONFIG', 'SET', 'slowlog-log-slower-than', '0')
        await server.command('CONFIG', 'SET', 'slowlog-max-len', '100000')
        await server.command('SLOWLOG', 'RESET')
      }
    })

    test('removes what matches, and nothing else, in steps that are bounded', async () => {
      expect(await cache.invalidate('user:*')).toEqual({ removed: MATCHING, deferred: false })
      expect(await stored()).toEqual([])
      expect(await cache.get('other:1')).toBe('stays')

      let scans = 0
      for (const server of stage.servers) {
        const counts = await commandCounts(server)
        expect(Object.keys(counts)).not.toContain('keys')
        expect(Object.keys(counts)).not.toContain('del')
        scans += counts.scan ?? 0
        const asked = await slowLog(server, 'scan')
        expect(new Set(asked.map((words) => words.slice(2).join(' ')))).toEqual(
          new Set([`MATCH patterns${prefixes}::user:* COUNT 1000`]),
        )
        const unlinked = await mostArguments(server, 'unlink')
        expect(unlinked).toBeGreaterThan(0)
        expect(unlinked).toBeLessThanOrEqual(2_000)
      }
      expect(scans).toBeGreaterThanOrEqual((OTHERS + MATCHING) / 2_000)
      expect(scans).toBeLessThan((OTHERS * 3) / 1_000)
    })

    test('tells how far it has come', async () => {
      const steps: InvalidateProgress[] = []
      const { removed } = await cache.invalidate('user:*', { onProgress: (step) => steps.push(step) })
      expect(steps.length).toBeGreaterThan(20)
      steps.reduce((before, step) => {
        expect(step.scanned).toBeGreaterThan(before.scanned)
        expect(step.matched).toBeGreaterThanOrEqual(before.matched)
        expect(step.removed).toBeGreaterThanOrEqual(before.removed)
        return step
      })
      expect(steps.at(-1)).toMatchObject({ matched: MATCHING, removed })
      expect(steps.at(-1)?.scanned).toBeGreaterThanOrEqual(OTHERS / 2)
    })

    test('a dry run counts, and leaves everything', async () => {
      const steps: InvalidateProgress[] = []
      const result = await cache.invalidate('user:*', { dryRun: true, onProgress: (step) => steps.push(step) })
      expect(result).toEqual({ removed: 0, deferred: false, matched: MATCHING })
      expect(steps.at(-1)).toMatchObject({ matched: MATCHING, removed: 0 })
      expect(await cache.invalidate(['user', 1], { dryRun: true })).toEqual({ removed: 0, deferred: false, matched: 1 })
      expect(await cache.invalidate(['user', 'none'], { dryRun: true })).toMatchObject({ matched: 0 })
      expect(await stored()).toHaveLength(MATCHING)
      for (const server of stage.servers) expect(Object.keys(await commandCounts(server))).not.toContain('unlink')
    })

    test('ends when nobody wants it any more: what is gone stays gone, the rest stays, and nothing is made up for', async () => {
      const controller = new AbortController()
      const reason = new Error('enough')
      let removed = 0
      const onProgress = (step: InvalidateProgress) => {
        removed = step.removed
        if (removed > 0) controller.abort(reason)
      }
      await expect(cache.invalidate('user:*', { onProgress, signal: controller.signal })).rejects.toBe(reason)
      expect(removed).toBeGreaterThan(0)
      expect(removed).toBeLessThan(MATCHING)
      expect(await stored()).toHaveLength(MATCHING - removed)

      await expect(cache.invalidate('user:*', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
      expect(await stored()).toHaveLength(MATCHING - removed)
      // The next one has all the rest to remove.
      expect(await cache.invalidate('user:*')).toEqual({ removed: MATCHING - removed, deferred: false })
    })

    test('ends with what onProgress throws', async () => {
      const mistake = new Error('a mistake')
      const onProgress = () => {
        throw mistake
      }
      await expect(cache.invalidate('user:*', { onProgress })).rejects.toBe(mistake)
      expect((await stored()).length).toBeGreaterThan(0)
      const rejecting = async () => Promise.reject(mistake)
      await expect(cache.invalidate('user:*', { onProgress: rejecting })).rejects.toBe(mistake)
    })

    test('expires in steps that are bounded, too', async () => {
      const load = counting(async () => 'kept')
      const call = cache.cached(load, { key: 'user:kept', ttl: '5m', staleIfError: '5m' })
      await call()
      await until(() => cache.stats().stores >= 1)
      const { removed } = await cache.invalidate('user:*', { mode: 'expire' })
      expect(removed).toBe(MATCHING + 1)
      expect(await stored()).toEqual([])
      expect(await cache.get('other:1')).toBe('stays')
    })

    test('invalidateAll removes every entry of a function', async () => {
      const [one, two] = [counting(), counting()]
      const user = cache.cached(async (_id: number, _what?: string) => one(), { key: 'person', ttl: '5m' })
      const pet = cache.cached(async (_owner: { id: number }) => two(), { key: 'pet:{0.id}', ttl: '5m' })
      await Promise.all([user(1), user(2, 'x'), pet({ id: 1 })])
      await until(() => cache.stats().stores === 3)
      await until(async () => (await cache.invalidate('pe*', { dryRun: true })).matched === 3)
      expect(await user.invalidateAll({ dryRun: true })).toEqual({ removed: 0, deferred: false, matched: 2 })
      expect(await user.invalidateAll()).toEqual({ removed: 2, deferred: false })
      expect(await pet.invalidateAll()).toEqual({ removed: 1, deferred: false })
      expect(await stored()).toHaveLength(MATCHING)
    })

    test('invalidateAll refuses where nothing tells how the keys begin, and removes nothing', async () => {
      const byFunction = cache.cached(async (id: number) => id, { key: (id: number) => ['user', id], ttl: '5m' })
      const byArgument = cache.cached(async (kind: string) => kind, { key: '{0}:list', ttl: '5m' })
      for (const call of [byFunction, byArgument]) {
        await expect(call.invalidateAll()).rejects.toThrow(CacheConfigError)
        await expect(call.invalidateAll()).rejects.toThrow('invalidate that tag')
      }
      expect(await stored()).toHaveLength(MATCHING)
    })

    test('an invalidation that is held for a commit and ended early leaves the work done', async () => {
      const held = { removed: 0, deferred: true }
      const work = async () => {
        expect(await cache.invalidate('user:*', { signal: AbortSignal.abort() })).toEqual(held)
        expect(await cache.invalidate('user:*', { dryRun: true })).toMatchObject({ matched: MATCHING })
        return 'done'
      }
      expect(await commitScope(work)).toBe('done')
      expect(await stored()).toHaveLength(MATCHING)
    })

    test('mistakes in its options are thrown', async () => {
      await expect(cache.invalidate('user:*', { dry: true } as never)).rejects.toThrow("no option 'dry'")
      await expect(cache.invalidate('user:*', { signal: 'no' as never })).rejects.toThrow('AbortSignal')
      await expect(cache.invalidate('user:*', { onProgress: 'no' as never })).rejects.toThrow('onProgress')
      await expect(cache.invalidateTags(['a'], { dryRun: true } as never)).rejects.toThrow("no option 'dryRun'")
    })
  })
}

describeRedis('patterns, among 50,000 keys of others', () => {
  describePatterns('on one server', async () => {
    const server = await RedisServer.start()
    return { url: server.url, servers: [server], [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
  })

  describePatterns('on a cluster', async () => {
    const cluster = await RedisCluster.start()
    return {
      url: cluster.url,
      servers: cluster.nodes,
      [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
    }
  })
})
