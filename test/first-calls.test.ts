import { type Cache, type CacheEvent, type CacheOptions, commitScope, createCache } from 'cachewell'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { HandClock } from '../src/testing/hand-clock.ts'
import { counting } from './integration/open-cache.ts'
import { describeRedis } from './support/redis-available.ts'
import { RedisServer } from './support/redis-server.ts'
import { until } from './support/until.ts'

const bundle = vi.hoisted(() => ({ broken: true, loads: 0 }))

/** The core as it is, behind an import that can fail, as that of a file does which was not deployed. */
vi.mock('../src/load-core.ts', async (original) => {
  const { loadCore } = await original<typeof import('../src/load-core.ts')>()
  return {
    loadCore: async (...given: Parameters<typeof loadCore>) => {
      bundle.loads++
      if (bundle.broken) throw new Error('no such file')
      return loadCore(...given)
    },
  }
})

beforeEach(() => {
  bundle.broken = true
  bundle.loads = 0
})

function open(more: CacheOptions = {}): { cache: Cache; clock: HandClock; events: CacheEvent[]; lines: string[] } {
  const clock = new HandClock()
  const lines: string[] = []
  const write = (line: string) => lines.push(line)
  const logger = { info: write, warn: write, error: write }
  const cache = createCache({ url: 'memory:', prefix: 'first', clock, logger, ...more })
  onTestFinished(() => cache.close())
  const events: CacheEvent[] = []
  cache.on((event) => {
    events.push(event)
  })
  return { cache, clock, events, lines }
}

const ofType = (events: readonly CacheEvent[], type: CacheEvent['type']) =>
  events.filter((event) => event.type === type)

describe('before the first call', () => {
  test('nothing is loaded, whatever is declared, asked and closed', async () => {
    const { cache, events } = open()
    const one = cache.cached(async (id: number) => id, { key: 'one', ttl: 60 })
    expect(one.keyFor(1)).toBe('one:1')
    expect(cache.stats()).toMatchObject({ hits: 0, misses: 0, bypasses: 0 })
    await cache.close()
    expect(bundle.loads).toBe(0)
    expect(events).toEqual([])
  })

  test('mistakes are thrown as ever', async () => {
    const { cache } = open()
    expect(() => cache.cached(async () => 1, { key: 'one', ttl: -1 })).toThrow('ttl must be')
    expect(bundle.loads).toBe(0)
    bundle.broken = false
    await expect(cache.invalidate('')).rejects.toThrow('an empty string')
    await expect(cache.invalidateTags('')).rejects.toThrow('a tag is a word')
  })

  test('a cache that was closed calls functions, and keeps nothing', async () => {
    bundle.broken = false
    const { cache, events } = open()
    await cache.close()
    const fn = counting()
    const call = cache.cached(fn, { key: 'one', ttl: 60 })
    expect([await call(), await call()]).toEqual([1, 2])
    expect(ofType(events, 'bypass').map((event) => 'reason' in event && event.reason)).toEqual(['disabled', 'disabled'])
  })

  test('calls of one turn share one load', async () => {
    bundle.broken = false
    const { cache } = open()
    const fn = counting()
    const call = cache.cached(fn, { key: 'one', ttl: 60 })
    expect(await Promise.all([call(), cache.set('word', 1, { ttl: 60 }), call()])).toEqual([1, true, 1])
    expect(bundle.loads).toBe(1)
  })
})

describe('in a commit scope', () => {
  test('what nobody waits for is held for the commit although it has to be loaded first', async () => {
    bundle.broken = false
    const { cache } = open()
    await commitScope(async () => {
      void cache.set('word', 'set', { ttl: 60 })
    })
    expect(await cache.get('word')).toBe('set')
  })

  test('and is dropped with it', async () => {
    bundle.broken = false
    const { cache } = open()
    const rolledBack = commitScope(async () => {
      void cache.set('word', 'set', { ttl: 60 })
      throw new Error('rolled back')
    })
    await expect(rolledBack).rejects.toThrow('rolled back')
    expect(await cache.get('word')).toBeUndefined()
  })
})

describe('when it cannot be loaded', () => {
  test('calls go to their functions, and it is said once', async () => {
    const { cache, events, lines } = open()
    const fn = counting()
    const call = cache.cached(fn, { key: 'one', ttl: 60 })
    expect([await call(), await call(), await call.refresh()]).toEqual([1, 2, 3])
    const failing = cache.cached(async () => Promise.reject(new RangeError('mine')), { key: 'failing', ttl: 60 })
    await expect(failing()).rejects.toThrow(RangeError)
    expect(bundle.loads).toBe(1)

    const [notice, ...more] = ofType(events, 'notice')
    expect(notice).toMatchObject({ code: 'unloaded', level: 'error', message: expect.stringContaining('no such file') })
    expect(more).toEqual([])
    expect(lines.filter((line) => line.includes('no such file'))).toHaveLength(1)
    expect(cache.stats()).toMatchObject({ bypasses: 4 })
  })

  test('functions of many ids are called for all of them, and for no more at once than they allow', async () => {
    const { cache } = open()
    const asked: number[][] = []
    const load = async (ids: number[]) => {
      asked.push(ids)
      return new Map(ids.filter((id) => id !== 2).map((id) => [id, id === 9 ? new RangeError('no 9') : id * 10]))
    }
    const many = cache.cachedMany(load, { key: 'many', ttl: 60, maxBatch: 2 })
    expect(await many([3, 2, 1])).toEqual([30, undefined, 10])
    expect(asked).toEqual([[3, 2], [1]])
    await expect(many([9])).rejects.toThrow(RangeError)
    expect(await many.refresh([])).toEqual([])
    expect(cache.stats()).toMatchObject({ bypasses: 3 })
    const sorting = cache.cachedMany(async (ids: number[]) => new Map(ids.sort().map((id) => [id, id])), {
      key: 's',
      ttl: 60,
    })
    expect(await sorting([3, 1, 2])).toEqual([3, 1, 2])
  })

  test('reads find nothing and writes say so', async () => {
    const { cache } = open()
    const call = cache.cached(counting(), { key: 'one', ttl: 60 })
    expect(await call.peek()).toBeUndefined()
    expect(await call.set([], 5)).toBe(false)
    expect(await cache.get('word')).toBeUndefined()
    expect(await cache.getMany(['word', 'other'])).toEqual([undefined, undefined])
    expect(await cache.set('word', 1, { ttl: 60 })).toBe(false)
    expect(await cache.setMany([['word', 1]], { ttl: 60 })).toBe(false)
    expect(await cache.increment('count', 1, { ttl: 60 })).toBeUndefined()
    expect(await cache.delete('word')).toBe(false)
  })

  test('it is tried again after a while, and not by every call', async () => {
    const { cache, clock, events } = open()
    const call = cache.cached(counting(), { key: 'one', ttl: 60 })
    await call()
    bundle.broken = false
    clock.advance(900)
    expect(await call()).toBe(2)
    expect(bundle.loads).toBe(1)
    clock.advance(200)
    expect([await call(), await call()]).toEqual([3, 3])
    expect(bundle.loads).toBe(2)
    expect(ofType(events, 'hit')).toHaveLength(1)
  })

  test('a method that updates an entry has the old value removed', async () => {
    const { cache, clock, events } = open()
    class Words {
      @cache.CacheUpdate({ key: 'updated:{0.id}', ttl: 60 })
      async update(word: { id: number }): Promise<string> {
        word.id = 2
        return 'new'
      }
    }
    expect(await new Words().update({ id: 1 })).toBe('new')
    bundle.broken = false
    clock.advance(1_100)
    await cache.get('any')
    expect(ofType(events, 'invalidate')).toMatchObject([{ target: 'updated:1', deferred: true }])
  })

  test('what is invalidated is noted as it was when it was asked for, and a dry run is not', async () => {
    const { cache, clock, events } = open()
    const key = ['word', 1]
    const noted = cache.invalidate(key)
    key[1] = 2
    expect(await noted).toEqual({ removed: 0, deferred: true })
    expect(await cache.invalidate('dry:*', { dryRun: true })).toEqual({ removed: 0, deferred: false })
    await expect(
      commitScope(() => cache.invalidate('kept').then(() => Promise.reject(new Error('no')))),
    ).rejects.toThrow()
    await commitScope(() => cache.invalidate('committed'))
    bundle.broken = false
    clock.advance(1_100)
    await cache.get('any')
    expect(ofType(events, 'invalidate').map((event) => 'target' in event && event.target)).toEqual([
      'word:1',
      'committed',
    ])
  })

  test('what a method makes invalid is noted for its arguments as they were', async () => {
    const { cache, clock, events } = open()
    class Users {
      @cache.CacheInvalidate({
        key: 'user:{0.id}',
        pattern: (user) => [`team:${user.team}:*`],
        tags: () => Promise.reject(new Error('too late')) as never,
      })
      async save(user: { id: number; team: string }): Promise<number> {
        return user.id
      }
      @cache.CacheInvalidate({ key: (user) => [user.nobody.id], tags: (user) => [`org:${user.org}`] })
      async move(user: { org: number; nobody: { id: number } }): Promise<number> {
        return user.org
      }
    }
    const user = { id: 1, team: 'red', org: 1, nobody: undefined as never }
    expect(await new Users().save(user)).toBe(1)
    expect(await new Users().move(user)).toBe(1)
    Object.assign(user, { id: 2, team: 'blue', org: 2 })
    bundle.broken = false
    clock.advance(1_100)
    await cache.get('any')
    const targets = ofType(events, 'invalidate').map((event) => 'target' in event && event.target)
    expect(targets.sort()).toEqual(['#org%3A1', 'team:red:*', 'user:1'])
    expect(ofType(events, 'notice').map((event) => 'code' in event && event.code)).toEqual([
      'unloaded',
      'callback-threw',
      'callback-threw',
    ])
  })

  test('calls and invalidations are of their tenant, their namespace and their class once it is there', async () => {
    let tenant = 'acme'
    const { cache, clock, events } = open({ tenant: () => tenant, defaults: { staleIfError: '1h' } })
    const part = cache.namespace('part', { version: 2 })
    const one = part.cached(async (id: number) => id, { key: 'one', ttl: 60 })
    class Prices {
      @part.Cached({ ttl: 60 })
      async find(id: number): Promise<number> {
        return id
      }
      @part.CacheUpdate({ key: 'updated', ttl: 60 })
      async update(): Promise<number> {
        return 1
      }
    }
    const prices = new Prices()
    expect([await one(1), await prices.find(1), await prices.update()]).toEqual([1, 1, 1])
    const names = ofType(events, 'bypass').map((event) => 'name' in event && event.name)
    expect(names).toEqual(['part^one', 'part^find', 'part^updated'])
    await one.invalidate(1)
    await cache.invalidateAll(prices.find, { self: prices })
    tenant = 'other'
    bundle.broken = false
    clock.advance(1_100)
    expect(await Promise.all([one(1), prices.find(7)])).toEqual([1, 7])
    expect(await cache.explain(prices.find, [7], { self: prices })).toMatchObject({ verdict: 'hit' })
    expect(ofType(events, 'invalidate').map((event) => 'target' in event && event.target)).toEqual([
      '^acme:part^updated',
      '^acme:part^one:1',
      '^acme:part^Prices.find',
      '^acme:part^Prices.find:*',
    ])
    expect(ofType(events, 'store').map((event) => 'key' in event && event.key)).toEqual([
      '^other:part^one:1',
      '^other:part^Prices.find:7',
    ])
  })

  test('what has to be removed when there is a core again is not left behind', async () => {
    const { cache, clock, events } = open()
    let finish = () => {}
    class Words {
      @cache.CacheUpdate({ key: 'updated', ttl: 60 })
      async update(): Promise<string> {
        await new Promise<void>((resolve) => {
          finish = resolve
        })
        return 'new'
      }
    }
    const updating = new Words().update()
    await until(async () => bundle.loads === 1)
    await commitScope(async () => {
      await cache.invalidate('committed')
      await cache.invalidate('')
      bundle.broken = false
      clock.advance(1_100)
      await cache.get('any')
    })
    finish()
    await updating
    expect(ofType(events, 'invalidate')).toMatchObject([
      { target: 'committed', deferred: false },
      { target: 'updated', deferred: false },
    ])
  })

  test('what was noted is not tied to the scope in which the core is loaded', async () => {
    const { cache, clock, events } = open()
    await cache.invalidate('noted')
    bundle.broken = false
    clock.advance(1_100)
    const rolledBack = commitScope(async () => {
      await cache.get('any')
      throw new Error('rolled back')
    })
    await expect(rolledBack).rejects.toThrow('rolled back')
    expect(ofType(events, 'invalidate')).toMatchObject([{ target: 'noted', deferred: true }])
  })

  test('too much to note becomes one removal of everything', async () => {
    const { cache, clock, events } = open()
    for (let i = 0; i < 10_003; i++) void cache.invalidate(['word', i])
    await cache.invalidate('last')
    bundle.broken = false
    clock.advance(1_100)
    await cache.get('any')
    const targets = ofType(events, 'invalidate').map((event) => 'target' in event && event.target)
    expect(targets).toEqual(['*', 'word:10001', 'word:10002', 'last'])
  })

  test('close() reports what could not be carried out', async () => {
    const { cache, events } = open()
    await cache.invalidate('gone')
    await cache.close()
    expect(ofType(events, 'notice')).toEqual([
      expect.objectContaining({ code: 'unloaded' }),
      expect.objectContaining({ code: 'undelivered', message: expect.stringContaining('1 invalidations') }),
    ])
  })
})

describeRedis('in Redis', () => {
  test('what was invalidated before it could be loaded is gone before anything is served', async () => {
    await using server = await RedisServer.start()
    const options = { url: server.url, prefix: 'first', logger: false } as const
    const clock = new HandClock()
    const cache = createCache({ ...options, clock })
    onTestFinished(() => cache.close())
    expect(await cache.invalidate('gone:*')).toEqual({ removed: 0, deferred: true })
    expect(await cache.invalidateTags('tag')).toMatchObject({ deferred: true })

    bundle.broken = false
    const other = createCache(options)
    onTestFinished(() => other.close())
    await other.setMany(
      [
        ['gone:1', 1],
        ['kept', 2],
      ],
      { ttl: 60 },
    )
    await other.set('tagged', 3, { ttl: 60, tags: ['tag'] })
    expect(await other.getMany(['gone:1', 'kept', 'tagged'])).toEqual([1, 2, 3])

    clock.advance(1_100)
    expect(await cache.getMany(['gone:1', 'kept', 'tagged'])).toEqual([undefined, 2, undefined])
    await until(async () => (await other.get('gone:1')) === undefined)
  })
})
