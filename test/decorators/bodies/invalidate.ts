import { type CacheEvent, pattern } from 'cachewell'
import { beforeEach, expect, test } from 'vitest'
import { listeningCache } from '../listening-cache.ts'

const cache = listeningCache()
const { CacheInvalidate, events, notices } = cache

interface Sale {
  id: number
  shop: string
}
const sale: Sale = { id: 7, shop: 'north' }
const keys = ['sale:7', 'sale:8', 'shop:north', 'shop:south', 'shop:*', 'dashboard:stats:1']

beforeEach(async () => {
  await cache.setMany(
    keys.map((key) => [key, 'stored']),
    { ttl: '1m' },
  )
})

const gone = async () => {
  const values = await cache.getMany(keys)
  return keys.filter((_key, i) => values[i] === undefined)
}
const targets = (seen: readonly CacheEvent[]) =>
  seen.flatMap((event) => (event.type === 'invalidate' ? [event.target] : []))

test('removes by key and by pattern when the method has succeeded', async () => {
  class Sales {
    constructor(readonly shop: string) {}
    @CacheInvalidate({ key: 'sale:{0.id}' })
    async byTemplate(given: Sale) {
      return { given, before: await gone() }
    }
    @CacheInvalidate({ key: (given: Sale) => ['shop', given.shop] })
    async byFunction(_given: Sale) {}
    @CacheInvalidate({ pattern: 'dashboard:*' })
    async byPattern() {}
    @CacheInvalidate({ pattern: ['sale:*', 'dashboard:*'] })
    async byPatterns() {}
    @CacheInvalidate({
      pattern(this: Sales, given: Sale) {
        return [pattern`${this.shop}:${given.shop}`, pattern`sale:${given.id}*`]
      },
    })
    async byCallback(_given: Sale) {}
    @CacheInvalidate({ key: 'shop:{0}', pattern: 'sale:*' })
    async byBoth(_shop: string) {}
  }
  const sales = new Sales('shop')
  const undo = async () => {
    const found = await gone()
    await cache.setMany(
      keys.map((key) => [key, 'stored']),
      { ttl: '1m' },
    )
    return found
  }

  await expect(sales.byTemplate(sale)).resolves.toEqual({ given: sale, before: [] })
  expect(await undo()).toEqual(['sale:7'])
  await sales.byFunction(sale)
  expect(await undo()).toEqual(['shop:north'])
  await sales.byPattern()
  expect(await undo()).toEqual(['dashboard:stats:1'])
  await sales.byPatterns()
  expect(await undo()).toEqual(['sale:7', 'sale:8', 'dashboard:stats:1'])
  await sales.byCallback(sale)
  expect(await undo()).toEqual(['sale:7', 'shop:north'])
  await sales.byBoth('north')
  expect(await undo()).toEqual(['sale:7', 'sale:8', 'shop:north'])
  // What stands in the arguments is data, also where it looks like a pattern.
  await sales.byBoth('*')
  expect(await undo()).toEqual(['sale:7', 'sale:8', 'shop:*'])
})

test('removes before the method runs, if asked', async () => {
  class Early {
    @CacheInvalidate({ key: 'sale:{0}', before: true })
    async remove(_id: number) {
      return gone()
    }
  }
  await expect(new Early().remove(7)).resolves.toEqual(['sale:7'])
})

test('a method that fails removes nothing, and its error is thrown', async () => {
  const failure = new Error('refused')
  class Failing {
    @CacheInvalidate({ pattern: '*' })
    async rejects() {
      throw failure
    }
    @CacheInvalidate({ pattern: '*' })
    throws(): Promise<never> {
      throw failure
    }
  }
  await expect(new Failing().rejects()).rejects.toBe(failure)
  await expect(new Failing().throws()).rejects.toBe(failure)
  expect(await gone()).toEqual([])
})

test('callbacks that throw, or return nothing, do not break the method', async () => {
  const nothing = (): any => undefined
  class Careless {
    @CacheInvalidate({
      key: (): string => {
        throw new Error('a mistake in a callback')
      },
      pattern: 'sale:*',
    })
    async throwing() {
      return 'kept'
    }
    @CacheInvalidate({ pattern: nothing })
    async returning() {
      return 'kept'
    }
    @CacheInvalidate({ key: 'shop:{0.shop}', pattern: 'sale:*' })
    async unkeyable(_given?: Sale) {
      return 'kept'
    }
  }
  const careless = new Careless()
  await expect(careless.throwing()).resolves.toBe('kept')
  expect(notices().join()).toContain('a mistake in a callback')
  // What can be removed all the same is.
  expect(await gone()).toEqual(['sale:7', 'sale:8'])
  await expect(careless.returning()).resolves.toBe('kept')
  await expect(careless.unkeyable()).resolves.toBe('kept')
  expect(notices()).toHaveLength(3)
})

test('the entry that a cached method has stored is named by the same template', async () => {
  class Repository {
    readonly #names = new Map([[1, 'Ada']])
    @cache.Cached({ key: 'name:{0}', ttl: '1m' })
    async name(id: number) {
      return this.#names.get(id)
    }
    @CacheInvalidate({ key: 'name:{0}' })
    async rename(id: number, name: string) {
      this.#names.set(id, name)
    }
  }
  const repository = new Repository()
  await expect(repository.name(1)).resolves.toBe('Ada')
  await repository.rename(1, 'Grace')
  await expect(repository.name(1)).resolves.toBe('Grace')
  const long = 'x'.repeat(300)
  events.length = 0
  await repository.rename(long as never, 'long')
  expect(targets(events)).toEqual([expect.stringMatching(/^name:x+~/)])
})

const Loose = CacheInvalidate as (options?: unknown) => any
const on = (options: unknown) => () => {
  class Declared {
    @Loose(options)
    async save(_sale: Sale) {}
  }
  return Declared
}

test.each<[string, unknown, RegExp]>([
  ['nothing to remove', {}, /@CacheInvalidate on save needs a key, a pattern or tags/],
  ['an unknown option', { key: 'a', after: true }, /@CacheInvalidate on save has no option 'after'/],
  ['tags in the wrong case', { Pattern: 'a', key: 'b' }, /did you mean 'pattern'/],
  ['an argument that is not there', { key: 'sale:{1}' }, /has no argument 1/],
  ['a wildcard in a key', { key: 'sale:*' }, /has other characters than .* in its fixed part/],
  ['an empty key', { key: '' }, /empty/],
  ['an empty pattern', { pattern: '' }, /pattern must be/],
  ['no patterns', { pattern: [] }, /pattern must be/],
  ['a hole in a pattern', { pattern: 'sale:{0.id}:*' }, /holes/],
  ['a key of another type', { key: 5 }, /key must be a string or a function/],
  ['a pattern of another type', { pattern: 5 }, /pattern must be/],
])('a mistake is thrown where the method is declared: %s', (_what, options, message) => {
  expect(on(options)).toThrow(message)
  expect(on(options)).toThrow(expect.objectContaining({ name: 'CacheConfigError' }))
})

test.each([undefined, null, 'dashboard:*'])('%s in place of options says what to write', (options) => {
  expect(on(options)).toThrow("write @CacheInvalidate({ pattern: 'dashboard:*' })")
})
