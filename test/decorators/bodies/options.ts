import { expect, test } from 'vitest'
import { listeningCache } from '../listening-cache.ts'

const { Cached, stored, notices } = listeningCache()

interface User {
  id: number
  orgs: string[]
  email?: string
}
const ada: User = { id: 1, orgs: ['acme', 'navy'], email: 'ada@example.com' }

test('a template names arguments and their fields', async () => {
  class Templates {
    @Cached({ key: 't:{0.id}:{0.orgs.1}', ttl: '1m' })
    async one(user: User) {
      return user.id
    }
    @Cached({ key: 't:{1?}', ttl: '1m' })
    async two(_user: User, page?: number) {
      return page ?? 0
    }
  }
  await new Templates().one(ada)
  await new Templates().two(ada)
  expect(stored()).toEqual(['t:1:navy', 't:undefined'])
})

test('callbacks get the `this` and the arguments of the call', async () => {
  const seen: unknown[] = []
  class Tenant {
    constructor(readonly name: string) {}

    @Cached({
      key(this: Tenant, user: User) {
        return ['tenant', this.name, user.id]
      },
      ttl(this: Tenant, result: { at: string }, user: User) {
        seen.push(['ttl', this.name, result.at, user.id])
        return '1m'
      },
      cacheIf(this: Tenant, result: { at: string }, user: User) {
        seen.push(['cacheIf', this.name, result.at, user.id])
        return user.id !== 2
      },
      bypass(this: Tenant, user: User) {
        seen.push(['bypass', this.name, user.id])
        return user.id === 3
      },
    })
    async profile(_user: User) {
      return { at: this.name }
    }
  }
  const acme = new Tenant('acme')
  await acme.profile(ada)
  expect(seen).toEqual([
    ['bypass', 'acme', 1],
    ['cacheIf', 'acme', 'acme', 1],
    ['ttl', 'acme', 'acme', 1],
  ])
  await acme.profile({ ...ada, id: 2 })
  await acme.profile({ ...ada, id: 3 })
  await new Tenant('navy').profile(ada)
  expect(stored().filter((key) => key.startsWith('tenant:'))).toEqual(['tenant:acme:1', 'tenant:navy:1'])
})

test('callbacks that throw cost the cache and not the call', async () => {
  const fail = (): never => {
    throw new Error('a mistake in a callback')
  }
  class Careless {
    @Cached({ key: fail, ttl: '1m' })
    async byKey() {
      return 'key'
    }
    @Cached({ key: 'careless:ttl', ttl: fail })
    async byTtl() {
      return 'ttl'
    }
    @Cached({ key: 'careless:cacheIf', ttl: '1m', cacheIf: fail })
    async byCacheIf() {
      return 'cacheIf'
    }
    @Cached({ key: 'careless:bypass', ttl: '1m', bypass: fail })
    async byBypass() {
      return 'bypass'
    }
  }
  const service = new Careless()
  const calls = [service.byKey(), service.byTtl(), service.byCacheIf(), service.byBypass()]
  await expect(Promise.all(calls)).resolves.toEqual(['key', 'ttl', 'cacheIf', 'bypass'])
  expect(notices().filter((message) => message.includes('a mistake in a callback'))).toHaveLength(4)
  expect(stored().join()).not.toContain('careless')
})

const Loose = Cached as (options?: unknown, ...more: unknown[]) => any
const on = (options: unknown) => () => {
  class Declared {
    @Loose(options)
    async get(_id: number) {}
  }
  return Declared
}

test.each<[string, unknown, RegExp]>([
  ['no ttl', { key: 'a' }, /@Cached on get: ttl must be a duration/],
  ['a ttl without a unit', { ttl: '5 minutes' }, /@Cached on get: ttl must be a duration .*, got '5 minutes'/],
  ['a ttl in milliseconds', { ttl: 5_000_000 }, /write '5000000ms'/],
  ['a misspelt option', { tlt: '5m' }, /@Cached on get has no option 'tlt'/],
  ['another case', { TTL: '5m' }, /did you mean 'ttl'/],
  [
    'an argument that is not there',
    { key: 'u:{1}', ttl: 1 },
    /has the hole \{1\}, but get has no argument 1: it takes 1/,
  ],
  ['a hole by name', { key: 'u:{id}', ttl: 1 }, /names an argument by its position/],
  ['an open brace', { key: 'u:{0', ttl: 1 }, /brace/],
  ['an empty key', { key: '', ttl: 1 }, /empty string/],
  ['a key that is a number', { key: 5, ttl: 1 }, /key must be a string or a function/],
  ['a cacheIf that is no function', { ttl: 1, cacheIf: true }, /cacheIf must be a function/],
  ['a bypass that is no function', { ttl: 1, bypass: true }, /bypass must be a function/],
  [
    'a jitter in percent',
    { ttl: 1, jitter: 10 },
    /jitter must be a number from 0 to 1, such as 0.1: the share of the ttl/,
  ],
])('a mistake is thrown where the method is declared: %s', (_what, options, message) => {
  expect(on(options)).toThrow(message)
  expect(on(options)).toThrow(expect.objectContaining({ name: 'CacheConfigError' }))
})

test.each([undefined, null, 'user', '5m', 300])('%s in place of options says what to write', (options) => {
  expect(on(options)).toThrow("@Cached takes an object of options: write @Cached({ ttl: '5m' })")
})

test('a decorator without parentheses says what to write', () => {
  const declare = () => {
    class Bare {
      @Loose
      async get() {}
    }
    return Bare
  }
  expect(declare).toThrow("@Cached takes an object of options: write @Cached({ ttl: '5m' })")
})
