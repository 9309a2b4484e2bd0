import { createCache } from 'cachewell'
import { expect, onTestFinished, test, vi } from 'vitest'

vi.mock('../src/warm.ts', () => {
  throw new Error('no such file')
})
vi.mock('../src/explain.ts', () => {
  throw new Error('no such file')
})

test('where what is loaded when it is asked for is missing, that alone rejects, and says so', async () => {
  const cache = createCache({ url: 'memory:', prefix: 'core', logger: false })
  onTestFinished(() => cache.close())
  const find = cache.cached(async (id: number) => id, { key: 'find', ttl: 60 })
  const unloaded = { name: 'CacheTroubleError', code: 'UNLOADED' }
  await expect(cache.warm(find, [[1]])).rejects.toMatchObject(unloaded)
  await expect(cache.explain(find, [1])).rejects.toMatchObject(unloaded)
  expect(await find(1)).toBe(1)
})
