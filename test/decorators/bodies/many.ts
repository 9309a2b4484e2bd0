import { expect, test, vi } from 'vitest'
import { listeningCache } from '../listening-cache.ts'

const { CachedMany, Cached, stored, notices } = listeningCache()
const ttl = '1m'

test('a method of many ids is called with just those that are missing', async () => {
  const asked: unknown[] = []
  class Users {
    constructor(readonly db: string) {}
    @CachedMany({ key: 'user', ttl })
    async find(ids: readonly string[], locale?: string) {
      asked.push([this.db, ids, locale])
      return ids.map((id) => `${id} of ${this.db}`)
    }
  }
  await expect(new Users('one').find(['a', 'b'])).resolves.toEqual(['a of one', 'b of one'])
  await expect(new Users('two').find(['c', 'b', 'a'])).resolves.toEqual(['c of two', 'b of one', 'a of one'])
  await expect(new Users('two').find(['a'], 'de')).resolves.toEqual(['a of two'])
  expect(asked).toEqual([
    ['one', ['a', 'b'], undefined],
    ['two', ['c'], undefined],
    ['two', ['a'], 'de'],
  ])
  expect(stored()).toEqual(['user:a', 'user:b', 'user:c', 'user:a:de'])
})

test('it shares its keys with a method of one id', async () => {
  class Orders {
    runs = 0
    @CachedMany({ key: 'order:{0}', ttl, maxBatch: 2 })
    async all(ids: number[]) {
      this.runs++
      return ids.map((id) => ({ id }))
    }
    @Cached({ key: 'order:{0}', ttl })
    async one(id: number) {
      return (await this.all([id]))[0]
    }
  }
  const orders = new Orders()
  await orders.all([1, 2, 3])
  expect(orders.runs).toBe(2)
  await expect(orders.one(2)).resolves.toEqual({ id: 2 })
  expect(orders.runs).toBe(2)
  await expect(orders.one(4)).resolves.toEqual({ id: 4 })
  await expect(orders.all([4, 1])).resolves.toEqual([{ id: 4 }, { id: 1 }])
  expect(orders.runs).toBe(3)
})

test('without a key it is named after its class, and a key function has its `this`', async () => {
  class Teams {
    readonly tenant = 'acme'
    @CachedMany({ ttl })
    async find(ids: number[]) {
      return ids
    }
    @CachedMany({
      key(this: Teams, id: number) {
        return ['team', this.tenant, id]
      },
      ttl,
    })
    async mine(ids: number[]) {
      return ids
    }
    @CachedMany({ key: 'static', ttl })
    static async all(ids: number[]) {
      return ids
    }
  }
  await new Teams().find([1])
  await new Teams().mine([1])
  await Teams.all([1])
  expect(stored().slice(-3)).toEqual(['Teams.find:1', 'team:acme:1', 'static:1'])
  expect([Teams.prototype.find.name, Teams.prototype.find.length]).toEqual(['find', 1])
})

test('mistakes are thrown where the class is made', () => {
  const declare = (options: object | undefined) => () => {
    class Refused {
      @(CachedMany(options as any) as any)
      async find(ids: number[]) {
        return ids
      }
    }
    return Refused
  }
  expect(declare(undefined)).toThrow(
    "@CachedMany takes an object of options: write @CachedMany({ key: 'user', ttl: '5m' })",
  )
  expect(declare({ key: 'k' })).toThrow('@CachedMany on find: ttl must be a duration')
  expect(declare({ key: 'k', ttl, maxBatch: 0 })).toThrow(
    '@CachedMany on find: maxBatch must be a whole number such as 500',
  )
  expect(declare({ key: 'k', ttl, max: 1 })).toThrow("@CachedMany on find has no option 'max'")
  const getter = () => {
    class Refused {
      @(CachedMany({ key: 'k', ttl }) as any)
      get value() {
        return 1
      }
    }
    return Refused
  }
  expect(getter).toThrow('@CachedMany works on functions that return a promise, not on a getter')
})

test('a wrong number of results is said to the caller', async () => {
  const find = vi.fn(async (_ids: number[]) => [1])
  class Wrong {
    @CachedMany({ key: 'wrong', ttl })
    async find(ids: number[]) {
      return find(ids)
    }
  }
  await expect(new Wrong().find([1, 2])).rejects.toThrow('was called for 2 ids and returned an array of 1')
  expect(notices()).toEqual([])
})
