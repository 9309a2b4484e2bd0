import { CacheConfigError, createCache } from 'cachewell'
import { expect, test, vi } from 'vitest'
import { listeningCache } from '../listening-cache.ts'

const ttl = '1m'
const none = { loaded: 0, fresh: 0, failed: 0, skipped: 0, errors: [] }

test('a method is warmed with its object and its arguments', async () => {
  const { Cached, warm, stored } = listeningCache()
  const runs: unknown[] = []
  class Dashboard {
    constructor(readonly word: string) {}
    @Cached({ key: 'stats', ttl })
    async stats(date: string, days: number) {
      runs.push([date, days])
      return `${this.word} ${date} ${days}`
    }
  }
  const dashboard = new Dashboard('sales of')
  const lists: [string, number][] = [
    ['2026-01-01', 7],
    ['2026-01-02', 7],
  ]
  expect(await warm(dashboard.stats, lists, { self: dashboard })).toEqual({ ...none, loaded: 2 })
  expect(await warm(Dashboard.prototype.stats, lists, { self: dashboard })).toEqual({ ...none, fresh: 2 })
  expect(await dashboard.stats('2026-01-01', 7)).toBe('sales of 2026-01-01 7')
  expect(runs).toEqual(lists)
  expect(stored()).toEqual(['stats:2026-01-01:7', 'stats:2026-01-02:7'])
})

test('keys that are made of the name of the class are those of calls', async () => {
  const { Cached, warm, explain, invalidateAll, stored } = listeningCache()
  class Users {
    @Cached({ ttl })
    async find(id: number) {
      return { id }
    }
    @Cached({ ttl })
    async findAll(page: number) {
      return { page }
    }
    @Cached({ ttl })
    static async count() {
      return 2
    }
  }
  class Members extends Users {}
  const users = new Users()
  expect(await warm(users.find, [[1], [2]], { self: users })).toMatchObject({ loaded: 2 })
  expect(await warm(users.find, [[2]], { self: new Members() })).toMatchObject({ fresh: 1 })
  expect(await warm(Users.count, [[]], { self: Users })).toMatchObject({ loaded: 1 })
  await users.findAll(1)
  expect(stored()).toEqual(['Users.find:1', 'Users.find:2', 'Users.count', 'Users.findAll:1'])
  expect(await explain(users.find, [1], { self: users })).toMatchObject({ key: 'Users.find:1', verdict: 'hit' })
  expect(await explain(users.find, [3], { self: users })).toMatchObject({ key: 'Users.find:3', reason: 'absent' })

  expect(await invalidateAll(users.find, { self: users, dryRun: true })).toMatchObject({ removed: 0, matched: 2 })
  expect(await invalidateAll(users.find, { self: users })).toEqual({ removed: 2, deferred: false })
  expect(await invalidateAll(Users.count, { self: Users })).toEqual({ removed: 1, deferred: false })
  expect(await explain(users.findAll, [1], { self: users })).toMatchObject({ verdict: 'hit' })
})

test('a method with a key is cleared without its object', async () => {
  const { Cached, invalidateAll, get } = listeningCache()
  class Orders {
    @Cached({ key: 'order:{0}', ttl })
    async find(id: number) {
      return id
    }
    @Cached({ key: 'orders', ttl })
    async all() {
      return [1]
    }
  }
  const orders = new Orders()
  await Promise.all([orders.find(1), orders.find(2), orders.all()])
  expect(await invalidateAll(Orders.prototype.find)).toEqual({ removed: 2, deferred: false })
  expect(await get('orders')).toEqual([1])
})

test('a key that is made of the object', async () => {
  const { Cached, warm, explain, invalidateAll } = listeningCache()
  class Shop {
    constructor(readonly region: string) {}
    @Cached({
      key(this: Shop, id: number) {
        return ['price', this.region, id]
      },
      ttl,
    })
    async price(id: number) {
      return `${this.region} ${id}`
    }
  }
  const shop = new Shop('eu')
  await warm(shop.price, [[1]], { self: shop })
  expect(await explain(shop.price, [1], { self: shop })).toMatchObject({ key: 'price:eu:1', verdict: 'hit' })
  expect(await explain(shop.price, [1], { self: new Shop('us') })).toMatchObject({ key: 'price:us:1', verdict: 'miss' })
  const without = await explain(shop.price, [1], { self: undefined })
  expect(without).toMatchObject({ key: undefined, verdict: 'bypass', reason: 'unkeyable' })
  expect(without.why).toContain('cannot be cached')
  await expect(invalidateAll(shop.price, { self: shop })).rejects.toThrow(/nothing tells how all keys of .*price begin/)
})

test('without its object no method is run, nor are keys of another one removed', async () => {
  const { Cached, warm, explain, invalidateAll, set, get, events } = listeningCache()
  const run = vi.fn()
  class Things {
    @Cached({ key: 'thing', ttl })
    async keyed(id: number) {
      run(this)
      return id
    }
    @Cached({ ttl })
    async implied(id: number) {
      run(this)
      return id
    }
  }
  const things = new Things()
  const unbound = [things.keyed, things.implied] as unknown as ((id: number) => Promise<number>)[]
  for (const method of unbound) {
    const warming = warm(method as never, [[1]] as never)
    await expect(warming).rejects.toThrow(CacheConfigError)
    await expect(warming).rejects.toThrow('warm(service.stats, lists, { self: service })')
  }
  expect(run).not.toHaveBeenCalled()
  expect(events).toEqual([])
  expect(await explain(things.keyed, [1], { self: undefined })).toMatchObject({ key: 'thing:1', verdict: 'miss' })

  await set(['implied', 1], 'of somebody else', { ttl })
  const known = await explain(things.implied, [1], { self: undefined })
  if (known.verdict === 'bypass') {
    // Under TC39 decorators only an object tells the class.
    expect(known.why).toContain('implied was called without its object')
    await expect(invalidateAll(things.implied)).rejects.toThrow('implied was called without its object')
  } else {
    expect(known.key).toBe('Things.implied:1')
    expect(await invalidateAll(things.implied)).toEqual({ removed: 0, deferred: false })
  }
  expect(await get(['implied', 1])).toBe('of somebody else')
})

test('other decorators of ours around it do not hide it', async () => {
  const { Cached, CacheInvalidate, warm, explain, set, get } = listeningCache()
  class Layered {
    @CacheInvalidate({ key: 'other' })
    @Cached({ key: 'layered', ttl })
    async load(id: number) {
      return id
    }
  }
  await set('other', 1, { ttl })
  const layered = new Layered()
  expect(await warm(layered.load, [[1]], { self: layered })).toMatchObject({ loaded: 1 })
  expect(await explain(layered.load, [1], { self: layered })).toMatchObject({ key: 'layered:1', verdict: 'hit' })
  expect(await get('other')).toBe(1)
})

test('what is no cached method is refused', async () => {
  const { warm, explain, invalidateAll } = listeningCache()
  class Plain {
    async load(id: number) {
      return id
    }
  }
  const plain = new Plain()
  await expect(warm(plain.load, [[1]], { self: plain })).rejects.toThrow('or a method with @Cached')
  await expect(explain(plain.load, [1], { self: plain })).rejects.toThrow(CacheConfigError)
  await expect(invalidateAll(plain.load)).rejects.toThrow(CacheConfigError)
})

test('a method of many ids is warmed with those that are missing, in as many calls as it needs', async () => {
  const { CachedMany, warm, explain, invalidateAll, stored } = listeningCache()
  const asked: unknown[] = []
  class Users {
    constructor(readonly db: string) {}
    @CachedMany({ ttl, maxBatch: 3 })
    async find(ids: readonly number[], locale?: string) {
      asked.push([[...ids], locale])
      return ids.map((id) => (id === 6 ? new Error('no 6') : `${id} of ${this.db}`))
    }
  }
  const users = new Users('db')
  await users.find([2])
  expect(await warm(users.find, [[[1, 2, 3, 4, 5, 1]], [[6], 'de']], { self: users })).toEqual({
    ...none,
    ...{ loaded: 4, fresh: 1, failed: 1, errors: [new Error('no 6')] },
  })
  expect(asked).toEqual([
    [[2], undefined],
    [[1, 3, 4], undefined],
    [[5], undefined],
    [[6], 'de'],
  ])
  expect(stored().sort()).toEqual([1, 2, 3, 4, 5].map((id) => `Users.find:${id}`))
  expect(await users.find([5, 1])).toEqual(['5 of db', '1 of db'])
  expect(asked).toHaveLength(4)

  expect(await explain(users.find, [[5]], { self: users })).toMatchObject({ key: 'Users.find:5', verdict: 'hit' })
  expect(await explain(users.find, [[6], 'de'], { self: users })).toMatchObject({ key: 'Users.find:6:de' })
  await expect(explain(users.find, [[5, 1]], { self: users })).rejects.toThrow('explain takes one at a time')
  await expect(warm(users.find, [[5]] as never, { self: users })).rejects.toThrow('takes an array of ids')
  expect(await invalidateAll(users.find, { self: users })).toMatchObject({ deferred: false })
  expect(await explain(users.find, [[5]], { self: users })).toMatchObject({ reason: 'absent' })
})

test('in a namespace and of a tenant, keys are where calls have them', async () => {
  let tenant: string | undefined = 'acme'
  const cache = createCache({ url: 'memory:', logger: false, tenant: () => tenant })
  const billing = cache.namespace('billing')
  class Invoices {
    @billing.Cached({ ttl })
    async find(id: number) {
      return id
    }
  }
  const invoices = new Invoices()
  const self = { self: invoices }
  expect(await cache.warm(invoices.find, [[1], [2]], self)).toMatchObject({ loaded: 2 })
  expect(await billing.get(['Invoices.find', 1])).toBe(1)
  tenant = 'other'
  expect(await cache.explain(invoices.find, [1], self)).toMatchObject({ verdict: 'miss', reason: 'absent' })
  await invoices.find(1)
  expect(await cache.invalidateAll(invoices.find, self)).toEqual({ removed: 1, deferred: false })
  // A view of one tenant removes what is that tenant's, whoever runs; the cache has been told of nobody then.
  tenant = undefined
  expect(await cache.invalidateAll(invoices.find, self)).toEqual({ removed: 0, deferred: false })
  expect(await cache.warm(invoices.find, [[1]], self)).toEqual({ ...none, skipped: 1 })
  expect(await cache.tenant('other').invalidateAll(invoices.find, self)).toEqual({ removed: 0, deferred: false })
  expect(await cache.tenant('acme').invalidateAll(invoices.find, self)).toEqual({ removed: 2, deferred: false })
  await cache.close()
})
