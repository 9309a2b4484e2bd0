import { expect, test } from 'vitest'
import { sleep } from '../support/real-time.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { isData, TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { becomesNear } from './near-copies.ts'
import { counting, openReady } from './open-cache.ts'

const MAX_STALENESS_MS = 200

describeRedis('a near cache whose server has a successor at the same address', () => {
  test('does not go on hearing of changes at the old one, though that is still there', async () => {
    await using old = await RedisServer.start()
    await using successor = await RedisServer.start()
    await using proxy = await TcpProxy.start(old)
    const opened = await openReady({ url: proxy.via(old.url), near: { maxStaleness: `${MAX_STALENESS_MS}ms` } })
    const { cache: other } = await openReady({ url: successor.url })
    const call = opened.cache.cached(counting(), { key: 'k', ttl: 60 })
    const first = await becomesNear(opened, call)

    proxy.redirect(successor)
    proxy.reset(isData)
    proxy.heal()
    await until(() => opened.of('connection').at(-1)?.state === 'ready' && opened.of('connection').length > 1)
    await until(async () => (await call()) !== first)
    const second = await becomesNear(opened, call)

    // The bound holds, whoever tells of changes.
    await other.invalidate('k')
    const end = performance.now() + MAX_STALENESS_MS
    while (performance.now() <= end) {
      await call()
      await sleep(10)
    }
    expect(await call()).not.toBe(second)

    // And it is the successor that tells of them.
    const third = await becomesNear(opened, call)
    await other.invalidate('k')
    await opened.cache.barrier()
    expect(await call()).not.toBe(third)
  })
})
