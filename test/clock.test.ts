import { createCache } from 'cachewell'
import { expect, test } from 'vitest'
import { systemClock } from '../src/clock.ts'

test('a timer for longer than timers can be set for does not fire at once', async () => {
  let fired = 0
  const timers = [2 ** 31, 30 * 86_400_000, Number.POSITIVE_INFINITY].map((ms) =>
    systemClock.setTimeout(() => fired++, ms),
  )
  await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 30))
  for (const timer of timers) systemClock.clearTimeout(timer)
  expect(fired).toBe(0)
})

test('a time that is as good as for ever is given to a load', async () => {
  const cache = createCache({ url: 'memory:', logger: false })
  const load = () => new Promise<number>((resolve) => systemClock.setTimeout(() => resolve(1), 30))
  const call = cache.cached(load, { key: 'k', ttl: '90d', hardTimeout: '60d', staleWhileRevalidate: '90d' })
  expect(await call()).toBe(1)
  expect(await call()).toBe(1)
  expect(cache.stats().hits).toBe(1)
  await cache.close()
})
