import {
  Cached,
  CacheInvalidate,
  cached,
  configureCache,
  defaultCache,
  invalidate,
  invalidateTags,
  type Logger,
} from 'cachewell'
import { afterAll, expect, test } from 'vitest'
import { useTestCache } from '../src/testing/use-test-cache.ts'

/*
 * Functions of the default cache are declared before its options are known: what those say of all functions has to hold
 * from the first call on.
 */
let tenant: string | undefined = 'acme'
let runs = 0
const billing = defaultCache.namespace('billing', { nullTtl: '1m' })
const find = cached(async (id: number) => `${id} of ${tenant}, ${++runs}`, { key: 'find', ttl: '1m', tags: ['all'] })
const rates = cached(async () => ++runs, { key: 'rates', ttl: '1m', tenant: false })
const nothing = cached(
  async () => {
    runs++
    return null
  },
  { key: 'nothing', ttl: '1m' },
)
const unpaid = billing.cached(
  async () => {
    runs++
    return null
  },
  { key: 'unpaid', ttl: '1m' },
)
const contradicting = cached(async () => ++runs, {
  key: 'contradicting',
  ttl: '1m',
  staleIfError: '1h',
  softTimeout: '5s',
})

class Users {
  @Cached({ ttl: '1m' })
  async list() {
    return `${tenant} ${++runs}`
  }

  @CacheInvalidate({ pattern: 'Users.list*' })
  async add() {}
}

const users = new Users()
const notices: string[] = []
const logger = {
  info: () => {},
  warn: (...line: unknown[]) => notices.push(JSON.stringify(line)),
  error: (...line: unknown[]) => notices.push(JSON.stringify(line)),
} as unknown as Logger

// A key is known without the cache: asking for it does not settle which one that is.
expect(find.keyFor(1)).toBe('find:1')
configureCache({
  url: 'memory:',
  prefix: 'default',
  tenant: () => tenant,
  version: 2,
  defaults: { nullTtl: '1m', hardTimeout: '3s' },
  logger,
})
afterAll(() => defaultCache.close())

const as = async <T>(name: string | undefined, call: () => Promise<T>) => {
  tenant = name
  return call()
}

test('tenants and defaults hold for what was declared before them', async () => {
  expect(await as('acme', () => find(1))).toBe('1 of acme, 1')
  expect(await as('globex', () => find(1))).toBe('1 of globex, 2')
  expect(await as('acme', () => find(1))).toBe('1 of acme, 1')
  await as('acme', () => invalidate('find:*'))
  expect(await as('globex', () => find(1))).toBe('1 of globex, 2')
  expect(await as('acme', () => find(1))).toBe('1 of acme, 3')
  await as('acme', () => invalidateTags('all'))
  expect(await as('globex', () => find(1))).toBe('1 of globex, 2')
  expect(await as('acme', () => find(1))).toBe('1 of acme, 4')
  expect(await as('acme', () => rates())).toBe(5)
  expect(await as('globex', () => rates())).toBe(5)
  expect(await as('acme', () => users.list())).toBe('acme 6')
  expect(await as('globex', () => users.list())).toBe('globex 7')
  await as('acme', () => users.add())
  expect(await as('globex', () => users.list())).toBe('globex 7')
  expect(await as('acme', () => users.list())).toBe('acme 8')
  for (let i = 0; i < 2; i++) {
    expect(await nothing()).toBeNull()
    expect(await unpaid()).toBeNull()
  }
  expect(runs).toBe(10)
})

test('what contradicts the defaults is cached without them, and one line says so', async () => {
  expect([await contradicting(), await contradicting()]).toEqual([11, 11])
  expect(notices.filter((line) => line.includes('without the defaults'))).toHaveLength(1)
})

test('a cache that stands in for the default one in a test has its own tenants', async () => {
  const outside = await as('acme', () => find(7))
  const single = useTestCache()
  const alone = await as('acme', () => find(7))
  expect(alone).not.toBe(outside)
  expect(await as('globex', () => find(7))).toBe(alone)
  single.restore()
  const missing = useTestCache({ tenant: () => undefined })
  expect(await as('acme', () => find(7))).not.toBe(await as('acme', () => find(7)))
  missing.restore()
  expect(await as('acme', () => find(7))).toBe(outside)
  expect(await as('globex', () => find(7))).not.toBe(outside)
})
