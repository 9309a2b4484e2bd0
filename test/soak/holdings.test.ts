import { createCache } from 'cachewell'
import { expect, it, onTestFinished } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { Holdings } from './holdings.ts'

describeRedis('holdings', () => {
  it('are what calls under way and deferred removals make a cache hold', async () => {
    await using server = await RedisServer.start()
    const holdings = new Holdings()
    holdings.observe()
    const open = () => {
      const cache = createCache({ url: server.url, prefix: 'held', logger: false })
      onTestFinished(() => cache.close())
      return cache
    }
    let finish = () => {}
    const load = () =>
      new Promise<number>((resolve) => {
        finish = () => resolve(1)
      })
    const [mine, other] = [open(), open()].map((cache) => cache.cached(load, { key: 'one', ttl: '1m' }))
    const nothing = { loads: 0, renewals: 0, 'watched keys': 0, 'deferred removals': 0 }

    const first = mine?.()
    await until(() => holdings.sizes().loads === 1)
    const second = other?.()
    await until(() => holdings.waits > 0)
    expect(holdings.sizes()).toEqual({ ...nothing, loads: 2, 'watched keys': 1 })
    finish()
    expect(await Promise.all([first, second])).toEqual([1, 1])
    await until(() => holdings.sizes().loads === 0)
    expect(holdings.sizes()).toEqual(nothing)

    await server.kill()
    expect(await mine?.invalidate()).toMatchObject({ deferred: true })
    expect(holdings.sizes()).toEqual({ ...nothing, 'deferred removals': 1 })
    await server.restart()
    await until(() => holdings.sizes()['deferred removals'] === 0)
  })
})
