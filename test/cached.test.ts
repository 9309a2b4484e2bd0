import { createCache } from 'cachewell'
import { expect, test, vi } from 'vitest'
import { listeningCache } from './decorators/listening-cache.ts'

const ttl = '1m'

test('a cached function keeps its name, its length, and what is attached to it', () => {
  const { cached } = listeningCache()
  async function rates(_base: string, _day?: string) {}
  rates.unit = 'EUR'
  const wrapped = cached(rates, { ttl })
  expect(wrapped.name).toBe('rates')
  expect(wrapped.length).toBe(2)
  expect(wrapped.unit).toBe('EUR')
})

test('a cached function runs once for each of its arguments', async () => {
  const { cached, stored } = listeningCache()
  const load = vi.fn(async (base: string) => ({ base }))
  const rates = cached(load, { key: 'fx', ttl })
  await expect(Promise.all([rates('EUR'), rates('EUR'), rates('USD')])).resolves.toEqual([
    { base: 'EUR' },
    { base: 'EUR' },
    { base: 'USD' },
  ])
  await expect(rates('EUR')).resolves.toEqual({ base: 'EUR' })
  expect(load).toHaveBeenCalledTimes(2)
  expect(stored()).toEqual(['fx:EUR', 'fx:USD'])
})

test.each(['auto', 'redis', 'memory'] as const)('a cache in memory is what the tier %s comes to', async (tier) => {
  const { cached, stored } = listeningCache()
  const rates = cached(async (base: string) => ({ base }), { key: 'fx', ttl, tier })
  await rates('EUR')
  await rates('EUR')
  expect(stored()).toEqual(['fx:EUR'])
})

test('it has members that take the arguments of a call', async () => {
  const { cached } = listeningCache()
  let rate = 1
  const rates = cached(async (base: string) => `${base} ${rate++}`, { key: (base: string) => ['fx', base], ttl })

  expect(rates.keyFor('EUR')).toBe('fx:EUR')
  await expect(rates.peek('EUR')).resolves.toBeUndefined()
  await expect(rates('EUR')).resolves.toBe('EUR 1')
  await expect(rates.peek('EUR')).resolves.toBe('EUR 1')

  await expect(rates.refresh('EUR')).resolves.toBe('EUR 2')
  await vi.waitFor(() => expect(rates.peek('EUR')).resolves.toBe('EUR 2'))

  await expect(rates.set(['EUR'], 'EUR 9')).resolves.toBe(true)
  await expect(rates('EUR')).resolves.toBe('EUR 9')

  await expect(rates.invalidate('EUR')).resolves.toEqual({ removed: 1, deferred: false })
  await expect(rates.invalidate('EUR')).resolves.toEqual({ removed: 0, deferred: false })
  await expect(rates('EUR')).resolves.toBe('EUR 3')
})

test('its members work without it', async () => {
  const { cached } = listeningCache()
  const { keyFor, set, peek, invalidate, refresh } = cached(async (id: number) => id, { key: 'alone', ttl })
  expect(keyFor(1)).toBe('alone:1')
  await set([1], 5)
  await expect(peek(1)).resolves.toBe(5)
  await invalidate(1)
  await expect(refresh(1)).resolves.toBe(1)
})

test('`this` is that of the call, for the function, its callbacks and its members', async () => {
  const { cached, stored } = listeningCache()
  class Tenant {
    constructor(readonly name: string) {}
    page = cached(
      async function page(this: Tenant, n: number) {
        return `${this.name} ${n}`
      },
      {
        key(n) {
          return ['page', this.name, n]
        },
        ttl,
      },
    )
  }
  const [acme, navy] = [new Tenant('acme'), new Tenant('navy')]
  await expect(acme.page(1)).resolves.toBe('acme 1')
  await expect(navy.page(1)).resolves.toBe('navy 1')
  expect(stored()).toEqual(['page:acme:1', 'page:navy:1'])
  expect(acme.page.keyFor.call(acme, 1)).toBe('page:acme:1')
  await expect(acme.page.refresh.call(acme, 1)).resolves.toBe('acme 1')
  await expect(acme.page.invalidate.call(acme, 1)).resolves.toMatchObject({ removed: 1 })
  await expect(acme.page.set.call(acme, [1], 'other')).resolves.toBe(true)
  await expect(acme.page.peek.call(acme, 1)).resolves.toBe('other')
  await expect(navy.page.peek.call(navy, 1)).resolves.toBe('navy 1')
})

test('members that cannot make a key say so, and throw nothing', async () => {
  const { cached, notices } = listeningCache()
  class Query {}
  const search = cached(async (_query: Query) => 'found', { key: 'search', ttl })
  expect(search.keyFor(new Query())).toBeUndefined()
  await expect(search.invalidate(new Query())).resolves.toEqual({ removed: 0, deferred: false })
  expect(notices()).toEqual(['an invalidation of search did nothing, since no key can be made of its arguments'])
  await expect(search.peek(new Query())).resolves.toBeUndefined()
  await expect(search.set([new Query()], 'x')).resolves.toBe(false)
  await expect(search.refresh(new Query())).resolves.toBe('found')
})

test('the key begins with the name of the function', async () => {
  const { cached, stored } = listeningCache()
  const fetchRates = async (base: string) => base
  await cached(fetchRates, { ttl })('EUR')
  expect(stored()).toEqual(['fetchRates:EUR'])
})

test('functions without a name of their own have to give a key', () => {
  const { cached } = listeningCache()
  const nameless = 'nothing here has a name to make a key of'
  async function load() {}
  expect(() => cached(async () => 1, { ttl })).toThrow(nameless)
  expect(() => cached(load.bind({}), { ttl })).toThrow(nameless)
  expect(() => cached(async () => 1, { key: 'one', ttl })).not.toThrow()
  expect(() => cached(load.bind({}), { key: 'load', ttl })).not.toThrow()
})

test('two functions of one name have to give a key, in one cache', () => {
  const { cached } = listeningCache()
  const first = async function load() {}
  const second = async function load() {
    return 2
  }
  cached(first, { ttl })
  expect(() => cached(second, { ttl })).toThrow("two cached functions would have keys named 'load'")
  expect(() => cached(second, { key: 'second', ttl })).not.toThrow()
  expect(() => listeningCache().cached(second, { ttl })).not.toThrow()
})

const off = createCache({ url: 'null:', logger: false })
test.each([
  ['in memory', listeningCache().cached],
  ['off', off.cached],
])('what the function throws or returns comes as a promise: %s', async (_where, cached) => {
  const failure = new Error('thrown')
  const throws = cached(
    (): Promise<never> => {
      throw failure
    },
    { key: 'throws', ttl },
  )
  await expect(throws()).rejects.toBe(failure)
  await expect(throws.refresh()).rejects.toBe(failure)
  const plain = cached((() => 'plain') as unknown as () => Promise<string>, { key: 'plain', ttl })
  expect(plain()).toBeInstanceOf(Promise)
  await expect(plain()).resolves.toBe('plain')
  await expect(plain.refresh()).resolves.toBe('plain')
  // biome-ignore lint/suspicious/noThenProperty: queries of ORMs are such objects
  const query = { then: (resolve: (rows: number[]) => void) => resolve([1]) }
  const thenable = cached((() => query) as unknown as () => Promise<number[]>, { key: 'thenable', ttl })
  await expect(thenable()).resolves.toEqual([1])
  await expect(thenable()).resolves.toEqual([1])
})

test.each<[unknown, unknown, string | RegExp]>([
  [async () => 1, undefined, "cached() takes an object of options: write cached(load, { key: 'user', ttl: '5m' })"],
  [async () => 1, '5m', "cached() takes an object of options: write cached(load, { key: 'user', ttl: '5m' })"],
  [async () => 1, { key: 'a' }, 'ttl must be a duration'],
  [async () => 1, { key: 'a', tlt: 1 }, "has no option 'tlt'"],
  [async () => 1, { key: 'a:{0}', ttl }, 'has no argument 0'],
  ['load', { ttl }, "cached() works on functions that return a promise, not on 'load'"],
  [undefined, { ttl }, 'not on undefined'],
  [class Loader {}, { ttl }, 'not on a class (Loader)'],
  [function* items() {}, { ttl }, 'not on a generator (items): collect its items'],
  [async function* stream() {}, { ttl }, 'not on a generator (stream)'],
])('a mistake is thrown at once: %s, %s', (fn, options, message) => {
  const { cached } = listeningCache()
  expect(() => cached(fn as never, options as never)).toThrow(message)
  expect(() => cached(fn as never, options as never)).toThrow(expect.objectContaining({ name: 'CacheConfigError' }))
})
