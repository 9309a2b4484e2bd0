import { createCache } from 'cachewell'
import { describe, expect, test } from 'vitest'
import { HandClock } from '../src/testing/hand-clock.ts'

/** A hit on what is in this process goes a short way, where nothing else has to be looked at. */
describe('the short way of a hit', () => {
  const open = (clock = new HandClock()) => createCache({ url: 'memory:', logger: false, prefix: 'test', clock })
  const counting = () => {
    let runs = 0
    return async (..._args: unknown[]) => ({ run: ++runs })
  }

  test('finds what a key function spells, escaped or not, and nothing else', async () => {
    const cache = open()
    const call = cache.cached(counting(), { key: (id: unknown) => String(id), ttl: 60 })
    const ids = ['plain:1', 'with space', ' test#tag', 'glob*', 'ünïcode', 'x'.repeat(300), 'a%20b', "it's"]
    const first = await Promise.all(ids.map((id) => call(id)))
    expect(new Set(first.map(({ run }) => run)).size).toBe(ids.length)
    expect(await Promise.all(ids.map((id) => call(id)))).toEqual(first)
    // What one is escaped to is another's own spelling, and the same key: one entry.
    expect(await call('with%20space')).toEqual(first[1])
    expect(cache.stats()).toMatchObject({ misses: ids.length, hits: ids.length + 1 })
  })

  test('meets no stamp of a tag and no lease, whatever a key function returns', async () => {
    const cache = open()
    const tagged = cache.cached(counting(), { key: 'tagged', ttl: 60, tags: () => ['t'] })
    await tagged()
    for (const key of [' test#t', ' test#', 'test#t']) {
      const call = cache.cached(counting(), { key: () => key, ttl: 60 })
      expect(await call()).toEqual({ run: 1 })
    }
  })

  test('is not taken to what is stale, of another version, or invalidated by a tag', async () => {
    const clock = new HandClock()
    const cache = open(clock)
    const load = counting()
    const call = cache.cached(load, { key: 'k', ttl: 60 })
    expect([await call(), await call()]).toEqual([{ run: 1 }, { run: 1 }])
    const next = cache.cached(load, { key: 'k', ttl: 60, version: 2, tags: () => ['t'] })
    expect([await next(), await next()]).toEqual([{ run: 2 }, { run: 2 }])
    await cache.invalidateTags('t')
    expect(await next()).toEqual({ run: 3 })
    clock.advance(61_000)
    expect(await next()).toEqual({ run: 4 })
    await cache.set(['k'], 'set', { ttl: 60 })
    expect(await cache.get('k')).toBe('set')
  })

  test('is not taken by who must not be served: in a commit scope, by bypass, without a key', async () => {
    const cache = open()
    const call = cache.cached(counting(), {
      key: (id: unknown) => (id === undefined ? [undefined] : `k:${id}`),
      ttl: 60,
      bypass: (id: unknown) => id === 'bypassed',
    })
    await call('bypassed')
    expect(await call('bypassed')).toEqual({ run: 2 })
    expect([await call(undefined), await call(undefined)]).toEqual([{ run: 3 }, { run: 4 }])
    expect(cache.stats()).toMatchObject({ bypasses: 4, hits: 0 })
  })

  test('is not taken by who cannot say its tags: what it loads would not be stored either', async () => {
    const cache = open()
    let isKnown = true
    const tags = () => {
      if (isKnown) return []
      throw new Error('no tenant yet')
    }
    const call = cache.cached(counting(), { key: () => 'k', ttl: 60, tags })
    expect([await call(), await call()]).toEqual([{ run: 1 }, { run: 1 }])
    isKnown = false
    expect(await call()).toEqual({ run: 2 })
    expect(cache.stats()).toMatchObject({ bypasses: 1, hits: 1 })
  })

  test('is reported as any other to who listens', async () => {
    const cache = open()
    const call = cache.cached(counting(), { key: () => 'k', ttl: 60 })
    await call()
    await call()
    const heard: unknown[] = []
    cache.on((event) => void heard.push(event))
    await call()
    expect(heard).toMatchObject([{ type: 'hit', name: 'key function', key: 'k', tier: 'memory', stale: false }])
    expect(cache.stats().hits).toBe(2)
  })
})

describe('the clock of the short way', () => {
  test('stands still for a few hits of one turn only', async () => {
    const { systemClock } = await import('../src/clock.ts')
    const { coarse } = await import('../src/coarse-clock.ts')
    const roughly = coarse(systemClock)
    const began = roughly()
    const until = systemClock.now() + 20
    while (systemClock.now() < until);
    const later = Array.from({ length: 40 }, () => roughly())
    expect(later[0]).toBe(began)
    expect(later.at(-1)).toBeGreaterThanOrEqual(until)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(systemClock.now() - roughly()).toBeLessThan(5)
  })
})
