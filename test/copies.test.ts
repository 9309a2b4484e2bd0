import { afterEach, expect, test, vi } from 'vitest'

// Two copies of the package in one process, as where one is imported and the other required: of the default cache, which
// they share, it must not matter by which of them something is done.

type Copy = typeof import('cachewell')

afterEach(async () => {
  const { defaultCache } = await import('cachewell')
  await defaultCache.close()
  delete (globalThis as Record<symbol, unknown>)[Symbol.for('cachewell/1')]
  vi.resetModules()
})

/** The first has made the default cache. */
async function twoCopies(): Promise<[Copy, Copy]> {
  const one = await import('cachewell')
  // What its calls need is loaded by the first of them, and has to be its own.
  const used = one.createCache({ url: 'memory:', logger: false })
  await used.get('key')
  vi.resetModules()
  const other = await import('cachewell')
  expect(other.Cached).not.toBe(one.Cached)
  one.configureCache({ url: 'memory:', prefix: 'copies', logger: false })
  return [one, other]
}

test('a method below two decorators of one copy of the package is found by the cache of another', async () => {
  const [{ Cached, CacheInvalidate }] = await twoCopies()

  let runs = 0
  class Users {
    @CacheInvalidate({ key: 'any' })
    @Cached({ ttl: 60 })
    async find(_id: number): Promise<number> {
      return ++runs
    }
  }
  class Admins extends Users {
    override async find(id: number): Promise<number> {
      return super.find(id)
    }
  }
  expect([await new Admins().find(1), await new Admins().find(1), await new Users().find(1)]).toEqual([1, 1, 1])
})

test('a commit scope of one of them holds for what the other has declared', async () => {
  for (const swapped of [false, true]) {
    const copies = await twoCopies()
    const [one, other] = swapped ? (copies.reverse() as [Copy, Copy]) : copies
    const user = one.cached(async (id: number) => `uncommitted ${id}`, { key: 'user', ttl: 60 })
    await one.defaultCache.set('user:2', 'committed', { ttl: 60 })
    const work = other.commitScope(async () => {
      await user(1)
      expect(await one.invalidate('user:2')).toEqual({ removed: 0, deferred: true })
      throw new Error('rolled back')
    })
    await expect(work).rejects.toThrow('rolled back')
    expect([await user.peek(1), await user(2)]).toEqual([undefined, 'committed'])
    await one.defaultCache.close()
    delete (globalThis as Record<symbol, unknown>)[Symbol.for('cachewell/1')]
  }
})

test('the signal of a load and a secret part of a key are known to both', async () => {
  const [one, other] = await twoCopies()
  for (const [name, declaring, asked] of [
    ['ab', one, other],
    ['ba', other, one],
  ] as const) {
    const signals = declaring.cached(async () => [asked.loadSignal(), declaring.loadSignal()], {
      ...{ key: `signals:${name}`, ttl: 60, cacheIf: () => false },
    })
    const [theirs, own] = await signals()
    expect(own).toBeInstanceOf(AbortSignal)
    expect(theirs).toBe(own)
    let runs = 0
    const session = declaring.cached(async (_token: string) => ++runs, {
      key: (token: string) => ['session', name, asked.secret(token)],
      ttl: 60,
    })
    expect([await session('a'), await session('a'), await session('b')]).toEqual([1, 1, 2])
    expect(session.keyFor('a')).toBe(['session', name, one.secret('a')].join(':'))
  }
  expect([one.loadSignal(), other.loadSignal()]).toEqual([undefined, undefined])
})

test('of a load within a load the signal is its own, whichever copies they are of', async () => {
  const copies = await twoCopies()
  for (const [outer, inner] of [copies, [...copies].reverse() as [Copy, Copy]] as const) {
    const [outside, inside] = [outer, inner].map((copy) => copy.createCache({ url: 'memory:', logger: false }))
    const signals: unknown[] = []
    let aborted = false
    const page = inside?.cached(
      async () => {
        const signal = outer.loadSignal() as AbortSignal
        signals.push(signal)
        signal.addEventListener('abort', () => {
          aborted = true
        })
        await new Promise((resolve) => setTimeout(resolve, 100))
      },
      { key: 'page', ttl: 60, hardTimeout: '30ms' },
    )
    const all = outside?.cached(
      async () => {
        signals.push(inner.loadSignal())
        await page?.().catch(() => {})
        return 'all'
      },
      { key: 'all', ttl: 60 },
    )
    expect(await all?.()).toBe('all')
    expect(signals).toHaveLength(2)
    expect(signals[0]).not.toBe(signals[1])
    expect(aborted).toBe(true)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
})
