import type { CacheEvent } from 'cachewell'
import { expect, onTestFinished, test } from 'vitest'
import { cacheOver, createEngine } from '../src/cache.ts'
import { Names } from '../src/names.ts'

/** A cache whose functions are declared before its options are known, as those of the default cache are. */
function openLate() {
  const engine = createEngine({
    url: 'memory:',
    prefix: 'late',
    logger: false,
    defaults: { staleIfError: '1h', softTimeout: '3s' },
  })
  const cache = cacheOver({ names: new Names(), engine: () => engine })
  onTestFinished(() => cache.close())
  const events: CacheEvent[] = []
  cache.on((event) => {
    events.push(event)
  })
  return { cache, events }
}

test('what first calls have to be told of their function is said once, not for each of them', async () => {
  const { cache, events } = openLate()
  const find = cache.cached(async (id: number) => id, { key: 'find', ttl: 60, hardTimeout: '1s' })
  const many = cache.cachedMany(async (ids: number[]) => ids, { key: 'many', ttl: 60, hardTimeout: '1s' })
  class Prices {
    @cache.Cached({ ttl: 60, hardTimeout: '1s' })
    async list(day: number): Promise<number> {
      return day
    }
  }
  const prices = new Prices()
  const call = () => Promise.all([find(1), find(2), many([1, 2]), many.peek([3, 4]), prices.list(1), prices.list(2)])
  await call()
  await call()
  const notices = events.flatMap((event) => (event.type === 'notice' ? `${event.code} ${event.name}` : []))
  expect(notices.sort()).toEqual(['defaults Prices.list', 'defaults find', 'defaults many'])
})
