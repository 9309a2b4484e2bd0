import type { Cache } from 'cachewell'
import { expect, test } from 'vitest'
import { describeRedis } from '../../support/redis-available.ts'
import { RedisServer } from '../../support/redis-server.ts'
import { isData, TcpProxy } from '../../support/tcp-proxy.ts'
import { until } from '../../support/until.ts'
import { commandCounts, counting, makeGate, openReady } from '../open-cache.ts'
import { readPage } from './reliability-page.ts'
import { MORE_IN_A_CLUSTER, rightsFor } from './rights.ts'
import { asUser, userArgs } from './server-ground.ts'

/** All that a cache can be asked for. */
async function useEverything(cache: Cache, other: Cache): Promise<void> {
  const load = counting()
  const options = { ttl: '200ms', staleWhileRevalidate: '1m', staleIfError: '1m' } as const
  const call = cache.cached(load, { key: 'stale', tags: ['a'], resultTags: () => ['b'], ...options })
  await call()
  await until(async () => (await call()) > 1, { label: 'a stale value to be renewed' })
  await call.refresh()
  await call.set([], 1)
  await call.expire()
  await cache.invalidateTags(['a'], { mode: 'expire' })
  await cache.invalidateTags('a', 'b')
  await call.invalidate()
  await cache.setMany(
    [
      ['one', 1],
      ['two', 2],
    ],
    { ttl: '1m', tags: ['c'] },
  )
  expect(await cache.getMany(['one', 'two'])).toEqual([1, 2])
  expect(await cache.increment('n', 2, { ttl: '1m' })).toBe(2)
  await cache.invalidate('*')
  await cache
    .cached(async () => Promise.reject(new Error()), { key: 'failing', ttl: '1m' })()
    .catch(() => {})
  await cache.cached(async () => undefined, { key: 'nothing', ttl: '1m' })()
  await waitForEachOther(cache, other)
}

/** One loads for longer than a lease is left alone, and the other is woken. */
async function waitForEachOther(cache: Cache, other: Cache): Promise<void> {
  const gate = makeGate()
  const load = counting(async () => gate.opened)
  const first = cache.cached(load, { key: 'shared', ttl: '1m', nullTtl: '1m' })()
  await until(() => load.runs === 1)
  const second = other.cached(load, { key: 'shared', ttl: '1m' })()
  setTimeout(() => gate.open(), 2_200)
  await Promise.all([first, second])
}

describeRedis('the rights in docs/getting-started.md', () => {
  test('suffice, so that nothing is refused and nothing is logged, and each of them is needed', async () => {
    await using server = await RedisServer.start({ args: userArgs() })
    await using proxy = await TcpProxy.start(server)
    await server.command('SCRIPT', 'FLUSH')
    await server.command('CONFIG', 'RESETSTAT')
    const lines: string[] = []
    const log = (line: string) => void lines.push(line)
    const options = {
      url: asUser(proxy.via(server.url)),
      prefix: 'faults',
      logger: { info: log, warn: log, error: log },
    }
    const [one, two] = [await openReady(options), await openReady(options)]
    lines.splice(0)
    await useEverything(one.cache, two.cache)

    expect(await server.command('ACL', 'LOG')).toEqual([])
    expect([one, two].flatMap(({ of }) => [...of('trouble'), ...of('notice')])).toEqual([])
    expect(lines).toEqual([])

    proxy.reset(isData)
    proxy.heal()
    for (const { of } of [one, two]) {
      await until(() => of('connection').filter(({ state }) => state === 'ready').length > 1)
    }
    expect(await server.command('ACL', 'LOG')).toEqual([])
    const counts = await commandCounts(server)
    const needed = rightsFor('faults').flatMap((right) => (right.startsWith('+') ? [right.slice(1)] : []))
    expect(needed.length).toBeGreaterThan(15)
    expect(needed.filter((name) => !counts[name])).toEqual([])
  })

  test('are more in a cluster, as docs/reliability.md says', () => {
    expect(readPage()).toContain(`\`${MORE_IN_A_CLUSTER.join(' ')}\``)
  })
})
