import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { LoadTimeoutError } from '../../src/index.ts'
import { createTestCache, type TestCache } from '../../src/testing/index.ts'

let cache: TestCache
let loads: number
const load = async (id: number) => ({ id, loads: ++loads })

beforeEach(() => {
  cache = createTestCache()
  loads = 0
})

describe('what is recorded', () => {
  it('are calls, hits, misses, loads and invalidations', async () => {
    const read = cache.cached(load, { key: 'user', ttl: '5m', tags: (id: number) => [`org:${id}`] })
    await read(1)
    await read(1)
    await Promise.all([read(2), read(2)])
    await cache.invalidate('user:*')
    await cache.invalidateTags('org:1')
    expect(cache.calls).toEqual([1, 1, 2, 2].map((id) => ({ name: 'user', key: `user:${id}`, args: [id] })))
    expect(cache.hits.map(({ key }) => key)).toEqual(['user:1'])
    expect(cache.misses.map(({ key, type }) => [key, type])).toEqual([
      ['user:1', 'miss'],
      ['user:2', 'miss'],
      ['user:2', 'miss'],
    ])
    expect(cache.loads).toHaveLength(2)
    expect(cache.invalidations.map(({ target }) => target)).toEqual(['user:*', '#org%3A1'])
    expect(cache.events.length).toBeGreaterThan(cache.hits.length + cache.misses.length)
  })

  it('can be asked for by call, key, parts, pattern and name', async () => {
    const read = cache.cached(load, { key: 'user', ttl: '5m' })
    const other = cache.cached(load, { key: 'other', ttl: '5m' })
    for (const id of [1, 1, 2]) await read(id)
    await other(1)
    const counts = (target: Parameters<TestCache['of']>[0]) => {
      const { calls, hits, misses, loads } = cache.of(target)
      return [calls.length, hits.length, misses.length, loads.length]
    }
    expect(counts(() => read(1))).toEqual([2, 1, 1, 1])
    expect(counts('user:1')).toEqual([2, 1, 1, 1])
    expect(counts(['user', 1])).toEqual([2, 1, 1, 1])
    expect(counts('user:*')).toEqual([3, 1, 2, 2])
    expect(counts('user')).toEqual([3, 1, 2, 2])
    expect(counts('nobody')).toEqual([0, 0, 0, 0])
    expect(loads).toBe(3)
  })

  it('are calls of many ids as well, each as a call of its own', async () => {
    const users = cache.cachedMany(async (ids: number[]) => ids.map((id) => ({ id })), { key: 'user', ttl: '5m' })
    await users([1, 2])
    await users([2, 3])
    expect(cache.calls.map(({ args }) => args)).toEqual([[1], [2], [2], [3]])
    expect(cache.of(() => users([2])).hits).toHaveLength(1)
    cache.assertLoaded(() => users([3]))
    await cache.assertCached(() => users([1]))
    expect(() => cache.assertLoaded(() => users([1, 2]))).toThrow('more than one cached function was called')
  })

  it('are failures and calls past the cache as well', async () => {
    const read = cache.cached(() => Promise.reject(new Error('no such row')), { key: 'failing', ttl: '5m' })
    await expect(read()).rejects.toThrow('no such row')
    const bypassing = cache.cached(load, { key: 'past', ttl: '5m', bypass: () => true })
    await bypassing(1)
    expect(cache.misses.map(({ type }) => type)).toEqual(['load-error'])
    expect(cache.of('past').loads.map(({ type }) => type)).toEqual(['bypass'])
    expect(cache.calls).toHaveLength(2)
  })

  it('does not hold what calls do that are only named', async () => {
    const read = cache.cached(load, { key: 'user', ttl: '5m' })
    await read(1)
    await cache.clock.settle()
    const before = cache.events.length
    await cache.assertCached(() => read(1))
    await cache.assertNotCached(() => read(2))
    cache.of(() => read(3))
    expect([cache.events.length, cache.calls.length, loads]).toEqual([before, 1, 1])
  })
})

test('values are what they would be from Redis, and nobody changes another', async () => {
  const value = { at: new Date(0), ids: new Set([1n]), missing: undefined, deep: { list: [1] } }
  const read = cache.cached(async () => structuredClone(value), { key: 'value', ttl: '5m' })
  const first = await read()
  first.deep.list.push(2)
  const second = await read()
  expect(second).toEqual(value)
  expect(cache.hits).toMatchObject([{ tier: 'redis' }])
})

test('what is kept in memory only is kept there, whatever becomes of Redis', async () => {
  const read = cache.cached(load, { key: 'near', ttl: '5m', tier: 'memory' })
  await read(1)
  cache.down()
  await read(1)
  await cache.assertCached(() => read(1))
  expect([loads, await cache.keys()]).toEqual([1, ['near:1']])
  expect(cache.hits).toMatchObject([{ tier: 'memory' }])
})

test('reset begins anew, and what is under way does not come back', async () => {
  const read = cache.cached(
    async (id: number) => {
      await cache.clock.sleep('1s')
      return load(id)
    },
    { key: 'user', ttl: '5m' },
  )
  const calls = [read(1), read(2)]
  await cache.clock.advance('500ms')
  cache.down()
  cache.reset()
  await cache.clock.advance('1s')
  await Promise.all(calls)
  expect([cache.events, cache.calls, await cache.keys(), cache.stats().misses]).toEqual([[], [], [], 0])
  const again = read(1)
  await cache.clock.advance('1s')
  await again
  expect(await cache.keys()).toEqual(['user:1'])
})

test('keys are those of values and counters that are there', async () => {
  expect(await cache.keys()).toEqual([])
  await cache.set(['b', 'x:y'], 1, { ttl: '1m' })
  await cache.increment('a', 1, { ttl: '2m' })
  expect(await cache.keys()).toEqual(['a', 'b:x%3Ay'])
  await cache.clock.advance('1m')
  expect(await cache.keys()).toEqual(['a'])
})

describe('time', () => {
  it('is that of ttl, and of staleWhileRevalidate', async () => {
    const read = cache.cached(load, { key: 'swr', ttl: '5m', staleWhileRevalidate: '1h' })
    await read(1)
    await cache.clock.advance('4m59s')
    expect((await read(1)).loads).toBe(1)
    await cache.clock.advance('1s')
    expect((await read(1)).loads).toBe(1)
    await cache.clock.settle()
    cache.assertLoaded(() => read(1), 2)
    expect((await read(1)).loads).toBe(2)
    await cache.clock.advance('2h')
    await cache.assertNotCached(() => read(1))
  })

  it('is that of staleIfError and softTimeout', async () => {
    const read = cache.cached(
      async () => {
        if (++loads > 1) await cache.clock.sleep('10s')
        return loads
      },
      { key: 'soft', ttl: '1m', staleIfError: '1h', softTimeout: '2s' },
    )
    await read()
    await cache.clock.advance('1m')
    const late = read()
    await cache.clock.advance('2s')
    expect(await late).toBe(1)
    await cache.clock.advance('8s')
    expect(await read()).toBe(2)
  })

  it('is that of hardTimeout, which ends in the middle of a longer way', async () => {
    const began = cache.clock.now()
    const read = cache.cached(() => cache.clock.sleep('1m'), { key: 'hard', ttl: '5m', hardTimeout: '2s' })
    const ended = read().catch((error: unknown) => [error, cache.clock.now() - began])
    await cache.clock.advance('10s')
    expect(await ended).toEqual([expect.any(LoadTimeoutError), 2_000])
  })

  it('is that of refreshAhead, which goes by what a load takes', async () => {
    const slow = async () => {
      await cache.clock.sleep('30s')
      return ++loads
    }
    // Else it is a matter of chance how early.
    using random = vi.spyOn(Math, 'random')
    random.mockReturnValue(0.1)
    const read = cache.cached(slow, { key: 'ahead', ttl: '5m', refreshAhead: 1 })
    const first = read()
    await cache.clock.advance('30s')
    expect(await first).toBe(1)
    await cache.clock.advance('4m')
    expect(await read()).toBe(1)
    await cache.clock.advance('30s')
    expect(loads).toBe(2)
    expect(await read()).toBe(2)
  })

  it('needs no fake timers, and is not changed by them', async () => {
    vi.useFakeTimers()
    try {
      const read = cache.cached(load, { key: 'fake', ttl: '5m' })
      await read(1)
      vi.advanceTimersByTime(3_600_000)
      await read(1)
      const before = Date.now()
      await cache.clock.advance('5m')
      await read(1)
      expect([loads, Date.now() - before]).toEqual([2, 0])
    } finally {
      vi.useRealTimers()
    }
  })

  it('does not mind that process.nextTick is held up, as Jest does with its fake timers', async () => {
    const read = cache.cached(load, { key: 'ticks', ttl: '5m', tags: ['ticks'] })
    const held: (() => void)[] = []
    const hold = vi.spyOn(process, 'nextTick').mockImplementation((callback, ...args) => {
      held.push(() => callback(...args))
    })
    try {
      expect(await read(1)).toEqual(await read(1))
      await cache.clock.advance('5m')
      await cache.assertNotCached(() => read(1))
    } finally {
      hold.mockRestore()
      for (const tick of held) process.nextTick(tick)
    }
    expect(loads).toBe(1)
  })
})

describe('Redis that is down', () => {
  it('sends calls to their functions, and stores nothing', async () => {
    const read = cache.cached(load, { key: 'user', ttl: '5m' })
    await read(1)
    cache.down()
    await read(1)
    await read(1)
    expect([loads, await cache.get('user:1')]).toEqual([3, undefined])
    cache.up()
    expect((await read(1)).loads).toBe(1)
    expect(cache.events.filter(({ type }) => type === 'connection')).toMatchObject([
      { state: 'lost' },
      { state: 'ready' },
    ])
  })

  it('has invalidations deferred, and carried out before anything is served', async () => {
    const read = cache.cached(load, { key: 'user', ttl: '5m', tags: () => ['users'] })
    for (const id of [1, 2]) await read(id)
    cache.down()
    expect(await read.invalidate(1)).toEqual({ removed: 0, deferred: true })
    expect(await cache.invalidateTags('users')).toEqual({ deferred: true })
    await cache.assertNotCached(() => read(1))
    await cache.assertNotCached(() => read(2))
    cache.up()
    expect([(await read(1)).loads, (await read(2)).loads]).toEqual([3, 4])
    expect(cache.events.some(({ type }) => type === 'replay')).toBe(true)
    await cache.assertCached(() => read(1))
  })

  it('may be so from the start, and in the middle of a load', async () => {
    cache.down()
    const read = cache.cached(
      async (id: number) => {
        await cache.clock.sleep('1s')
        return load(id)
      },
      { key: 'user', ttl: '5m' },
    )
    const call = async () => {
      const result = read(1)
      await cache.clock.advance('1s')
      return result
    }
    await call()
    cache.up()
    const under = read(1)
    await cache.clock.advance('500ms')
    cache.down()
    await cache.clock.advance('500ms')
    expect((await under).loads).toBe(2)
    await cache.assertNotCached('user:1')
    cache.up()
    expect((await call()).loads).toBe(3)
    await cache.assertCached('user:1')
  })
})

describe('Redis that is slow', () => {
  it('answers when the clock has been moved, and later than commandTimeout does not count', async () => {
    const read = cache.cached(load, { key: 'user', ttl: '5m' })
    await read(1)
    cache.slow('100ms')
    const inTime = read(1)
    await cache.clock.advance('100ms')
    expect((await inTime).loads).toBe(1)
    cache.slow('1s')
    const began = cache.clock.now()
    const late = read(1).then((value) => [value.loads, cache.clock.now() - began])
    await cache.clock.advance('5s')
    expect(await late).toEqual([2, 250])
    expect(cache.events.find(({ type }) => type === 'trouble')).toMatchObject({ error: { code: 'TIMEOUT' } })
    cache.up()
    expect((await read(1)).loads).toBe(1)
  })

  it('may carry out a removal that nobody waits for any more, and once more then', async () => {
    const read = cache.cached(load, { key: 'user', ttl: '5m' })
    await read(1)
    cache.slow('2s')
    const removal = read.invalidate(1)
    await cache.clock.advance('1s')
    expect(await removal).toEqual({ removed: 0, deferred: true })
    cache.up()
    await cache.clock.advance('2s')
    expect((await read(1)).loads).toBe(2)
    await cache.assertCached(() => read(1))
  })
})

test('Redis that is full refuses what is to be stored, and nothing else', async () => {
  const read = cache.cached(load, { key: 'user', ttl: '5m' })
  await read(1)
  cache.full()
  expect([(await read(1)).loads, (await read(2)).loads, (await read(2)).loads]).toEqual([1, 2, 3])
  expect(await cache.set('other', 1, { ttl: '1m' })).toBe(false)
  expect(await read.invalidate(1)).toEqual({ removed: 1, deferred: false })
  expect(cache.events.find(({ type }) => type === 'trouble')).toMatchObject({ error: { code: 'OOM' } })
  cache.up()
  await read(2)
  await cache.assertCached(() => read(2))
})

describe('a value that is corrupt', () => {
  it('is a miss, and is replaced', async () => {
    const read = cache.cached(load, { key: 'user', ttl: '5m' })
    await read(1)
    await read(2)
    await cache.corrupt('user:1')
    await expect(cache.assertCached('user:1')).rejects.toThrow('unreadable')
    await expect(cache.assertCached(() => read(1))).rejects.toThrow('unreadable')
    expect((await read(1)).loads).toBe(3)
    expect((await read(2)).loads).toBe(2)
    await cache.assertCached('user:1')
    expect(cache.misses.at(-1)).toMatchObject({ reason: 'unreadable' })
    await cache.corrupt()
    expect(await cache.explain(read, [1])).toMatchObject({ verdict: 'miss', reason: 'unreadable' })
    expect([(await read(1)).loads, (await read(2)).loads]).toEqual([4, 5])
  })

  it('has to be there', async () => {
    await expect(cache.corrupt()).rejects.toThrow('nothing is stored')
    await cache.set('here', 1, { ttl: '1m' })
    await expect(cache.corrupt('there')).rejects.toThrow('no value is stored at there; there are here')
  })
})

describe('the clock', () => {
  it('lets timers go off in their order, each at its own time, also those that others have set', async () => {
    const { clock } = cache
    const began = clock.now()
    const times: [string, number][] = []
    const note = (what: string) => times.push([what, clock.now() - began])
    clock.setTimeout(() => note('late'), 3_000)
    clock.setTimeout(async () => {
      note('early')
      await clock.sleep('1s')
      note('after early')
    }, 1_000)
    const cancelled = clock.setTimeout(() => note('cancelled'), 1_500)
    clock.clearTimeout(cancelled)
    await Promise.all([clock.advance('2s'), clock.advance('1s')])
    expect(times).toEqual([
      ['early', 1_000],
      ['after early', 2_000],
      ['late', 3_000],
    ])
    expect(clock.now() - began).toBe(3_000)
  })

  it('goes by durations', () => {
    expect(() => cache.clock.advance('soon')).toThrow('what the clock is advanced by')
    expect(() => cache.clock.advance(5_000_000)).toThrow('milliseconds')
    expect(() => cache.slow('')).toThrow('slow')
  })

  it('can be that of several caches', async () => {
    const other = createTestCache({ clock: cache.clock, prefix: 'other' })
    await other.set('key', 1, { ttl: '1m' })
    await cache.clock.advance('1m')
    expect(await other.keys()).toEqual([])
  })
})

describe('options', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('are refused where they make no sense', () => {
    expect(() => createTestCache({ prefix: 'a b' })).toThrow('prefix')
    expect(() => createTestCache({ colour: 'red' } as never)).toThrow("a test cache has no option 'colour'")
    expect(() => createTestCache({ url: 'memory:' } as never)).toThrow("no option 'url'; it has prefix, tenant")
  })

  it('are those of code, whatever the environment says', async () => {
    vi.stubEnv('CACHE_URL', 'redis://127.0.0.1:1')
    vi.stubEnv('CACHE_PREFIX', 'not allowed: spaces')
    const own = createTestCache()
    await own.set('key', 1, { ttl: '1m' })
    expect(await own.get('key')).toBe(1)
  })

  it('hold a serializer, a logger and bounds', async () => {
    const lines: string[] = []
    const write = (line: string) => lines.push(line)
    const serializer = { serialize: () => 'x', deserialize: () => 'read' }
    const own = createTestCache({
      ...{ serializer, maxValueBytes: 1, commandTimeout: '1s' },
      logger: { info: write, warn: write, error: write },
    })
    const read = own.cached(load, { key: 'user', ttl: '5m' })
    await read(1)
    expect(await read(1)).toBe('read')
    await own.assertCached(() => read(1))
    own.down()
    expect(lines.join('\n')).toContain('Redis')
  })
})
