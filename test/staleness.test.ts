import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Cache, type CacheEvent, createCache, LoadTimeoutError, loadSignal } from '../src/index.ts'
import { HandClock } from '../src/testing/hand-clock.ts'
import { until } from './support/until.ts'

describe('stale values', () => {
  let clock: HandClock
  let cache: Cache
  let events: CacheEvent[]
  let loads: number
  let answer: () => unknown

  beforeEach(() => {
    clock = new HandClock()
    events = []
    loads = 0
    answer = () => loads
    cache = createCache({ url: 'memory:', logger: false, clock })
    cache.on((event) => events.push(event))
  })
  afterEach(() => cache.close())

  const load = async (_id?: number) => {
    loads++
    return answer()
  }
  const types = () =>
    events.splice(0).map((event) => ('reason' in event ? `${event.type} ${event.reason}` : event.type))

  it('are served while they are renewed, once, and not beyond staleWhileRevalidate', async () => {
    const read = cache.cached(load, { key: 'swr', ttl: 10, staleWhileRevalidate: 20 })
    expect(await read()).toBe(1)
    clock.advance(9_999)
    expect(await read()).toBe(1)
    expect(loads).toBe(1)
    clock.advance(1)
    expect(await Promise.all([read(), read(), read()])).toEqual([1, 1, 1])
    await until(() => loads === 2)
    expect(await until(async () => (await read()) === 2)).toBe(true)
    expect(loads).toBe(2)
    clock.advance(30_000)
    expect(await read()).toBe(3)
  })

  it('say so in the event', async () => {
    const read = cache.cached(load, { key: 'event', ttl: 10, staleWhileRevalidate: 20 })
    await read()
    clock.advance(15_000)
    await read()
    expect(events.find((event) => event.type === 'hit')).toMatchObject({ stale: true, ageMs: 15_000, ttlMs: -5_000 })
  })

  it('go on being served when renewing fails, and the function is not called by every caller', async () => {
    const read = cache.cached(load, { key: 'failing', ttl: 10, staleWhileRevalidate: 100 })
    await read()
    answer = () => {
      throw new Error('down')
    }
    clock.advance(10_000)
    for (let i = 0; i < 20; i++) expect(await read()).toBe(1)
    await until(() => loads === 2)
    for (let i = 0; i < 20; i++) expect(await read()).toBe(1)
    expect(loads).toBe(2)
    clock.advance(5_000)
    expect(await read()).toBe(1)
    await until(() => loads === 3)
  })

  it('are served if the function fails, within staleIfError, and a dead origin is left in peace', async () => {
    const read = cache.cached(load, { key: 'sie', ttl: 10, staleIfError: 100 })
    await read()
    answer = () => {
      throw new Error('down')
    }
    clock.advance(10_000)
    types()
    expect(await read()).toBe(1)
    expect(types()).toEqual(['load-error stale', 'hit'])
    expect(await Promise.all(Array.from({ length: 50 }, () => read()))).toEqual(Array(50).fill(1))
    expect(loads).toBe(2)
    clock.advance(5_000)
    expect(await Promise.all(Array.from({ length: 50 }, () => read()))).toEqual(Array(50).fill(1))
    expect(loads).toBe(3)
    clock.advance(95_000)
    await expect(read()).rejects.toThrow('down')
  })

  it('give way to a new value when the function is well again', async () => {
    const read = cache.cached(load, { key: 'well', ttl: 10, staleIfError: 100 })
    await read()
    clock.advance(10_000)
    expect(await Promise.all([read(), read()])).toEqual([2, 2])
    await until(async () => (await read.peek()) === 2)
    expect(await read()).toBe(2)
    expect(loads).toBe(2)
  })

  it('are removed for good by an invalidation', async () => {
    const read = cache.cached(load, { key: 'gone', ttl: 10, staleIfError: 100, staleWhileRevalidate: 50 })
    await read()
    clock.advance(10_000)
    await read.invalidate()
    answer = () => {
      throw new Error('down')
    }
    await expect(read()).rejects.toThrow('down')
  })

  describe('of an invalidation that expires them', () => {
    const ways: [string, (read: { expire(id: number): Promise<unknown> }) => Promise<unknown>][] = [
      ['of the function', (read) => read.expire(1)],
      ['by key', () => cache.invalidate(['kept', 1], { mode: 'expire' })],
      ['by pattern', () => cache.invalidate('kept:*', { mode: 'expire' })],
      ['by a tag of the arguments', () => cache.invalidateTags(['one'], { mode: 'expire' })],
      ['by a tag of the result', () => cache.invalidateTags(['other', 'result'], { mode: 'expire' })],
    ]
    const readerOf = (more: object) =>
      cache.cached(load, { key: 'kept', ttl: 10, tags: () => ['one'], resultTags: () => ['result'], ...more })
    const down = () => {
      throw new Error('down')
    }

    it.each(ways)('%s: are served if the function fails, and only then', async (_, expire) => {
      const read = readerOf({ staleWhileRevalidate: 500, staleIfError: 100 })
      await read(1)
      await expire(read)
      expect(await read.peek(1)).toBeUndefined()
      expect(await cache.get(['kept', 1])).toBeUndefined()
      answer = down
      types()
      expect(await read(1)).toBe(1)
      expect(types()).toEqual(['load-error stale', 'hit'])
      expect(loads).toBe(2)
      clock.advance(5_000)
      answer = () => loads
      expect(await read(1)).toBe(3)
      expect(await read(1)).toBe(3)
    })

    it.each(ways)('%s: are not served when they were kept for something else', async (_, expire) => {
      const read = readerOf({ staleWhileRevalidate: 500 })
      await read(1)
      await expire(read)
      answer = down
      await expect(read(1)).rejects.toThrow('down')
    })

    it.each(ways)('%s: are served no longer than staleIfError from then on', async (_, expire) => {
      const read = readerOf({ ttl: '1h', staleIfError: 100 })
      await read(1)
      clock.advance(60_000)
      await expire(read)
      answer = down
      clock.advance(99_000)
      expect(await read(1)).toBe(1)
      clock.advance(1_000)
      await expect(read(1)).rejects.toThrow('down')
    })

    it.each(ways)('%s: cannot be what a load brings that began before', async (_, expire) => {
      const read = readerOf({ staleIfError: 100 })
      let go!: () => void
      answer = () =>
        new Promise((resolve) => {
          go = () => resolve('old')
        })
      const first = read(1)
      await until(() => go)
      await expire(read)
      answer = () => 'new'
      const second = read(1)
      go()
      expect(await Promise.all([first, second])).toEqual(['old', 'new'])
      expect(await read(1)).toBe('new')
    })

    it('are gone when they are invalidated for good, before or after', async () => {
      for (const [, expire] of ways) {
        for (const expireFirst of [true, false]) {
          answer = () => 'value'
          const read = readerOf({ staleIfError: 100 })
          await read(1)
          if (expireFirst) await expire(read)
          await cache.invalidateTags('one')
          if (!expireFirst) await expire(read)
          answer = down
          await expect(read(1)).rejects.toThrow('down')
          await cache.invalidate('*')
        }
      }
    })

    it('are tried anew at once, though renewing them had failed', async () => {
      const read = readerOf({ staleIfError: 100 })
      await read(1)
      clock.advance(10_000)
      answer = down
      expect(await read(1)).toBe(1)
      await read.expire(1)
      answer = () => 'new'
      expect(await read(1)).toBe('new')
    })

    it('are what softTimeout falls back on', async () => {
      const read = readerOf({ staleIfError: 100, softTimeout: 1 })
      await read(1)
      await read.expire(1)
      answer = () => new Promise(() => {})
      const late = read(1)
      await until(() => loads === 2)
      clock.advance(1_000)
      expect(await late).toBe(1)
    })
  })

  it('do not outlive an invalidation that comes while they are renewed', async () => {
    let go!: () => void
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const read = cache.cached(load, { key: 'race', ttl: 10, staleWhileRevalidate: 100 })
    await read()
    answer = () => gate.then(() => 'renewed before')
    clock.advance(10_000)
    expect(await read()).toBe(1)
    await until(() => loads === 2)
    await read.invalidate()
    answer = () => 'after'
    go()
    await until(() => events.some((event) => event.type === 'store' && event.reason === 'superseded'))
    expect(await read()).toBe('after')
  })

  it('are not served any more when the function says that there is nothing', async () => {
    const read = cache.cached(load, { key: 'nothing', ttl: 10, staleWhileRevalidate: 100 })
    await read()
    answer = () => null
    clock.advance(10_000)
    expect(await read()).toBe(1)
    await until(() => loads === 2)
    await until(async () => (await read.peek()) === undefined)
    expect(await read()).toBeNull()
  })

  it('are served when the function takes longer than softTimeout, and what it loads is kept', async () => {
    let go!: () => void
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const read = cache.cached(load, { key: 'soft', ttl: 10, staleIfError: 100, softTimeout: '200ms' })
    await read()
    answer = () => gate.then(() => 'new')
    clock.advance(10_000)
    const [one, two] = [read(), read()]
    await until(() => loads === 2)
    clock.advance(200)
    expect(await Promise.all([one, two])).toEqual([1, 1])
    go()
    expect(await until(async () => (await read.peek()) === 'new')).toBe(true)
    expect(loads).toBe(2)
  })

  it('hardTimeout ends the wait of every caller with an error of its own', async () => {
    let go!: () => void
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    answer = () => gate.then(() => 'late')
    const read = cache.cached(load, { key: 'hard', ttl: 10, hardTimeout: '300ms' })
    const outcomes = Promise.allSettled([read(), read()])
    await until(() => loads === 1)
    clock.advance(300)
    for (const outcome of await outcomes) {
      expect(outcome.status === 'rejected' && outcome.reason).toBeInstanceOf(LoadTimeoutError)
    }
    go()
    expect(await until(async () => (await read.peek()) === 'late')).toBe(true)
  })

  it('loadSignal fires when the last of those who wait has given up, and not before', async () => {
    let signal: AbortSignal | undefined
    const read = cache.cached(
      async () => {
        signal = loadSignal()
        await new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('given up'))))
      },
      { key: 'signal', ttl: 10, hardTimeout: '300ms' },
    )
    const first = read()
    await until(() => signal)
    clock.advance(100)
    const second = read()
    const outcomes = Promise.allSettled([first, second])
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(200)
    await expect(first).rejects.toBeInstanceOf(LoadTimeoutError)
    expect(signal?.aborted).toBe(false)
    clock.advance(100)
    await expect(second).rejects.toBeInstanceOf(LoadTimeoutError)
    expect(signal?.aborted).toBe(true)
    await outcomes
    expect(loadSignal()).toBeUndefined()
  })

  it('refreshAhead renews before the value is stale, without a caller waiting', async () => {
    const read = cache.cached(load, { key: 'ahead', ttl: 10, refreshAhead: 100 })
    answer = () => {
      const mine = loads
      clock.advance(50)
      return mine
    }
    expect(await read()).toBe(1)
    // With a load of 50 ms and a beta of 100 it is due 5 s ahead in the mean: a read in three, half-way through.
    clock.advance(5_000)
    await until(async () => {
      await read()
      return loads === 2
    })
    await until(async () => (await read.peek()) === 2)
    expect(events.some((event) => event.type === 'miss' && event.reason === 'revalidate')).toBe(true)
  })

  it.each([
    [{ softTimeout: '1s' }, 'staleIfError'],
    [{ softTimeout: '2s', hardTimeout: '1s', staleIfError: '1h' }, 'softTimeout must be shorter'],
    [{ refreshAhead: -1 }, 'refreshAhead'],
    [{ staleIfError: '1 hour' }, 'staleIfError'],
  ])('%j is refused where it is declared', (options, message) => {
    expect(() => cache.cached(load, { key: 'bad', ttl: 10, ...options } as { key: string; ttl: number })).toThrow(
      message,
    )
  })
})
