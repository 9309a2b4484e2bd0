import { expect, onTestFinished, test, vi } from 'vitest'
import { holds } from '../src/by-owner.ts'
import { originals, wrapperFor } from '../src/wrap.ts'

test('a wrapper holds what it wraps, at any depth', () => {
  const original = async () => {}
  const inner = wrapperFor(original, () => {})
  const outer = wrapperFor(inner, () => {})
  const isIn = (some: unknown, other: Function) => holds(some, other, originals)
  expect([isIn(outer, outer), isIn(outer, inner), isIn(outer, original)]).toEqual([true, true, true])
  expect([isIn(inner, outer), isIn(original, inner), isIn(undefined, inner)]).toEqual([false, false, false])
})

test('a method below two decorators of one copy of the package is found by the cache of another', async () => {
  const { Cached, CacheInvalidate } = await import('cachewell')
  vi.resetModules()
  const other = await import('cachewell')
  expect(other.Cached).not.toBe(Cached)
  other.configureCache({ url: 'memory:', prefix: 'copies', logger: false })
  onTestFinished(() => other.defaultCache.close())

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
