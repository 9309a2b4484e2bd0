import { afterEach, describe, expect, it } from 'vitest'
import { Cached, CacheInvalidate, cached, configureCache, defaultCache, invalidate } from '../../src/index.ts'
import { type InstalledTestCache, useTestCache } from '../../src/testing/index.ts'

let runs = 0
const rates = cached(async (base: string) => ({ base, runs: ++runs }), { key: 'rates', ttl: '5m' })

class Users {
  readonly #names = new Map([[1, 'Ada']])

  @Cached({ key: 'user:{0}', ttl: '5m' })
  async find(id: number) {
    runs++
    return this.#names.get(id)
  }

  @Cached({ ttl: '5m' })
  async count() {
    return this.#names.size
  }

  @CacheInvalidate({ key: 'user:{0}' })
  async rename(id: number, name: string) {
    this.#names.set(id, name)
  }
}

const used: InstalledTestCache[] = []
const use = () => {
  const cache = useTestCache()
  used.push(cache)
  return cache
}
afterEach(() => {
  for (const cache of used.splice(0)) cache.restore()
  runs = 0
})

describe('a test cache in the place of the default', () => {
  // First, since the default can be configured only before it is used.
  it('is there for what a program does when it starts, and for nothing after', async () => {
    const cache = use()
    configureCache({ url: 'memory:', prefix: 'program' })
    await rates('EUR')
    cache.assertLoaded('rates:EUR')
    cache.restore()
    await rates('EUR')
    await rates('EUR')
    expect(defaultCache.stats()).toMatchObject({ hits: 1, misses: 1 })
  })

  it('is that of functions and methods that were declared before', async () => {
    const cache = use()
    const users = new Users()
    expect([await users.find(1), await users.find(1), await rates('EUR')]).toEqual([
      'Ada',
      'Ada',
      { base: 'EUR', runs: 2 },
    ])
    cache.assertLoaded(() => users.find(1))
    cache.assertHit('user:1')
    await cache.assertCached(() => rates('EUR'))
    await users.rename(1, 'Grace')
    cache.assertInvalidated(() => users.find(1))
    expect(await users.find(1)).toBe('Grace')
    await invalidate('rates:*')
    await cache.assertNotCached(() => rates('EUR'))
    expect(defaultCache.stats()).toEqual(cache.stats())
  })

  it('knows methods without a key, by their class', async () => {
    const cache = use()
    const users = new Users()
    await users.count()
    await users.count()
    cache.assertLoaded(() => users.count())
    cache.assertHit('Users.count')
  })

  it('gives the place back, and the next finds nothing of it', async () => {
    const first = use()
    await rates('EUR')
    first.restore()
    first.restore()
    const { hits } = defaultCache.stats()
    await rates('EUR')
    expect(defaultCache.stats().hits).toBe(hits + 1)
    expect(first.calls).toHaveLength(1)
    const second = use()
    await rates('EUR')
    expect([second.hits, second.misses.length]).toEqual([[], 1])
  })

  it('can be given a scope, and one above another', async () => {
    const outer = use()
    {
      using inner = useTestCache()
      await rates('EUR')
      inner.assertLoaded('rates:EUR')
    }
    await rates('EUR')
    outer.assertLoaded('rates:EUR')
  })

  it('is taken away in any order', async () => {
    const [first, second, third] = [use(), use(), use()]
    second.restore()
    await rates('EUR')
    first.restore()
    await rates('EUR')
    expect(third.calls).toHaveLength(2)
    third.restore()
    await rates('EUR')
    expect([first, second, third].map(({ calls }) => calls.length)).toEqual([0, 0, 2])
  })

  it('lets modules that are evaluated anew declare the same functions again', async () => {
    const evaluate = () => cached(async function total() {}, { ttl: '5m' })
    const declared = [evaluate()]
    expect(evaluate).toThrow("would have keys named 'total'")
    for (let times = 0; times < 2; times++) {
      using _ = useTestCache()
      declared.push(evaluate())
      expect(evaluate).toThrow("would have keys named 'total'")
    }
    expect(evaluate).toThrow("would have keys named 'total'")
    expect(declared).toHaveLength(3)
  })
})

it('says once that a function goes without the defaults', async () => {
  const find = cached(async (id: number) => id, { key: 'contradicting', ttl: '5m', hardTimeout: '1s' })
  const cache = useTestCache({ defaults: { staleIfError: '1h', softTimeout: '3s' } })
  used.push(cache)
  expect([await find(1), await find(1)]).toEqual([1, 1])
  const codes = cache.events.flatMap((event) => (event.type === 'notice' ? event.code : []))
  expect(codes).toEqual(['defaults'])
})
