import {
  CacheConfigError,
  Cached,
  CachedMany,
  cached,
  cachedMany,
  createCache,
  explain,
  invalidateAll,
  warm,
} from 'cachewell'
import { useTestCache } from 'cachewell/testing'
import { expect, test } from 'vitest'

class Words {
  runs = 0
  @Cached({ key: 'by-hand:word', ttl: '1m' })
  async find(id: number) {
    this.runs++
    return `word ${id}`
  }
  @CachedMany({ key: 'by-hand:words', ttl: '1m' })
  async findAll(ids: readonly number[]) {
    this.runs++
    return ids.map((id) => `word ${id}`)
  }
}
const one = cached(async (id: number) => id, { key: 'by-hand:one', ttl: '1m' })
const many = cachedMany(async (ids: number[]) => ids, { key: 'by-hand:many', ttl: '1m' })

test('the functions of the default cache take methods that were declared before there was a cache', async () => {
  using _cache = useTestCache()
  const words = new Words()
  expect(await warm(words.find, [[1], [2]], { self: words })).toMatchObject({ loaded: 2 })
  expect(await warm(words.findAll, [[[1, 2]], [[2, 3]]], { self: words })).toMatchObject({ loaded: 3, fresh: 1 })
  expect(words.runs).toBe(4)
  expect(await explain(words.find, [2], { self: words })).toMatchObject({ key: 'by-hand:word:2', verdict: 'hit' })
  expect(await explain(words.findAll, [[3]], { self: words })).toMatchObject({ verdict: 'hit' })
  expect(await invalidateAll(words.find)).toEqual({ removed: 2, deferred: false })
  expect(await invalidateAll(words.findAll, { dryRun: true })).toEqual({ removed: 0, deferred: false, matched: 3 })
  expect(await explain(words.find, [2], { self: words })).toMatchObject({ verdict: 'miss', reason: 'absent' })
})

test('and functions, of one and of many', async () => {
  using _cache = useTestCache()
  expect(await warm(one, [[1], [2]])).toMatchObject({ loaded: 2 })
  expect(await warm(many, [[[1, 2, 3]]])).toMatchObject({ loaded: 3 })
  expect(await explain(many, [[3]])).toMatchObject({ key: 'by-hand:many:3', verdict: 'hit' })
  await expect(explain(many, [[1, 3]])).rejects.toThrow(CacheConfigError)
  expect(await invalidateAll(one)).toEqual({ removed: 2, deferred: false })
  expect(await invalidateAll(many)).toEqual({ removed: 3, deferred: false })
})

test('whichever cache is asked, it is the one of the function that is meant', async () => {
  using _cache = useTestCache()
  const other = createCache({ url: 'memory:', logger: false })
  const own = other.cached(async (id: number) => id, { key: 'by-hand:one', ttl: '1m' })
  await Promise.all([one(1), own(1), own(2)])
  expect(await invalidateAll(own)).toEqual({ removed: 2, deferred: false })
  expect(await explain(one, [1])).toMatchObject({ verdict: 'hit' })
  expect(await other.invalidateAll(one)).toEqual({ removed: 1, deferred: false })
  await other.close()
})

test('what nobody has told about is refused', async () => {
  const loose = async (id: number) => id
  await expect(invalidateAll(loose)).rejects.toThrow('invalidateAll takes a function that cached() has returned')
  await expect(invalidateAll(one, { dryrun: true } as never)).rejects.toThrow("did you mean 'dryRun'")
  await expect(warm(many, [[5]] as never)).rejects.toThrow('takes an array of ids')
})
