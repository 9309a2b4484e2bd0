import { expect } from 'vitest'
import type { RedisServer } from '../../support/redis-server.ts'
import { until } from '../../support/until.ts'
import { counting, makeGate, type OpenedCache, openReady } from '../open-cache.ts'
import type { Monitor } from './monitor.ts'

const ttl = '1m'
const SLOW = { timeoutMs: 15_000 }

/** Has a cache do everything that it can do with Redis, and holds it to what comes of it. */
export async function drive(server: RedisServer, monitor: Monitor): Promise<void> {
  // A machine that is busy does not make a server old.
  const options = { url: `${server.url}/1`, commandTimeout: '5s' } as const
  const one = await openReady(options)
  const other = await openReady(options)
  await callAndRefresh(one)
  await passOn(one)
  await waitForAnother(one, other, monitor)
  await readDirectly(one)
  await endByTags(one)
  await renewBeside(one)
  await expireInPlace(one)
  await decorate(one)
  for (const { of } of [one, other]) expect([...of('trouble'), ...of('notice')]).toEqual([])
  await closeWhileLoading(one)
  await other.cache.close()
}

async function callAndRefresh({ cache }: OpenedCache): Promise<void> {
  const call = cache.cached(counting(), { key: 'call', ttl })
  expect(await call('a')).toBe(1)
  await until(() => call.peek('a'))
  expect(await Promise.all([call('a'), call('b')])).toEqual([1, 2])
  expect(await call.refresh('a')).toBe(3)
  await until(async () => (await call.peek('a')) === 3)
  expect(await call.set(['a'], 100)).toBe(true)
  expect(await call('a')).toBe(100)
  expect(await call.invalidate('a')).toEqual({ removed: 1, deferred: false })
  expect(await call('a')).toBe(4)
}

/** What is not kept leaves a mark, or takes away what was kept. */
async function passOn({ cache, of }: OpenedCache): Promise<void> {
  const absent = cache.cached(
    counting(() => null),
    { key: 'absent', ttl },
  )
  expect([await absent(), await absent()]).toEqual([null, null])
  const failing = cache.cached(
    counting(() => Promise.reject(new Error('failed'))),
    { key: 'failing', ttl },
  )
  await expect(failing()).rejects.toThrow('failed')
  await until(() => of('load-error').length === 1)
  const vanishing = cache.cached(
    counting((run) => (run === 1 ? 'there' : null)),
    { key: 'vanishing', ttl },
  )
  expect(await vanishing()).toBe('there')
  await until(() => vanishing.peek())
  expect(await vanishing.refresh()).toBeNull()
  await until(async () => (await vanishing.peek()) === undefined)
}

/** Two caches share nothing but the server, as processes do. */
async function waitForAnother(one: OpenedCache, other: OpenedCache, monitor: Monitor): Promise<void> {
  const gate = makeGate()
  const slow = counting(() => gate.opened.then(() => 'loaded'))
  const loading = one.cache.cached(slow, { key: 'slow', ttl })()
  await until(() => slow.runs === 1)
  const waiting = other.cache.cached(async () => 'loaded again', { key: 'slow', ttl })()
  await until(() => monitor.has('subscribe'), { label: 'a subscription', ...SLOW })
  await until(() => monitor.has('pexpire', 'test::slow') || monitor.has('PEXPIRE', 'test::slow'), {
    label: 'a renewal of the lease',
    ...SLOW,
  })
  gate.open()
  expect(await Promise.all([loading, waiting])).toEqual(['loaded', 'loaded'])
}

async function readDirectly({ cache }: OpenedCache): Promise<void> {
  const items = ['a', 'b', 'c'].map((name) => [['many', name], name] as const)
  expect(await cache.setMany(items, { ttl })).toBe(true)
  expect(await cache.set('single', { kept: true }, { ttl })).toBe(true)
  expect(await cache.get('single')).toEqual({ kept: true })
  expect(await cache.delete('single')).toBe(true)
  expect(await cache.getMany([...items.map(([key]) => key), 'single'])).toEqual(['a', 'b', 'c', undefined])
  expect(await cache.invalidate(['many', 'a'])).toEqual({ removed: 1, deferred: false })
  expect(await cache.invalidate('many:*')).toEqual({ removed: 2, deferred: false })
  expect(await cache.increment('counter', 3, { ttl })).toBe(3)
  expect(await cache.decrement('counter', 1, { ttl })).toBe(2)
  expect(await cache.get('counter')).toBe(2)
}

async function endByTags({ cache }: OpenedCache): Promise<void> {
  const options = { key: 'user', ttl, tags: (id: number) => [`user:${id}`], resultTags: () => ['org'] } as const
  const load = counting()
  const user = cache.cached((id: number) => load(id), options)
  for (const [run, tag] of [
    [1, 'user:7'],
    [2, 'org'],
    [3, 'nobody'],
  ] as const) {
    expect(await user(7)).toBe(run)
    await until(() => user.peek(7))
    expect(await user(7)).toBe(run)
    expect(await cache.invalidateTags(tag)).toEqual({ deferred: false })
  }
  // Its stamp has to be kept for longer than it was to be until now.
  expect(await cache.set('lasting', 'kept', { ttl: '7d', tags: ['org'] })).toBe(true)
  expect(await cache.get('lasting')).toBe('kept')
}

async function renewBeside({ cache, of }: OpenedCache): Promise<void> {
  const options = { ttl: '50ms', staleWhileRevalidate: ttl } as const
  const renewed = cache.cached(counting(), { key: 'stale', ...options })
  expect(await renewed()).toBe(1)
  await until(async () => (await renewed()) > 1)
  const failing = cache.cached(
    counting((run) => (run === 1 ? 'stale' : Promise.reject(new Error('down')))),
    { key: 'frail', ...options },
  )
  const before = of('load-error').length
  await until(async () => (await failing()) === 'stale' && of('load-error').length > before)
}

/** What is kept for `staleIfError` is changed where it stands; the rest is removed all the same. */
async function expireInPlace({ cache }: OpenedCache): Promise<void> {
  const load = counting((run) => (run === 2 ? Promise.reject(new Error('down')) : `value ${run}`))
  const spare = cache.cached(load, { key: 'spare', ttl, staleIfError: ttl, tags: ['spares'] })
  expect(await spare()).toBe('value 1')
  await until(() => spare.peek())
  expect(await spare.expire()).toEqual({ removed: 1, deferred: false })
  expect(await spare()).toBe('value 1')
  expect(load.runs).toBe(2)
  await cache.increment('spare:count', 1, { ttl })
  expect(await cache.invalidate('spare*', { mode: 'expire' })).toEqual({ removed: 2, deferred: false })
  expect(await cache.invalidateTags(['spares'], { mode: 'expire' })).toEqual({ deferred: false })
}

async function decorate({ cache }: OpenedCache): Promise<void> {
  class Accounts {
    @cache.Cached({ key: 'account:{0}', ttl })
    async find(_id: number): Promise<string> {
      return 'found'
    }
    @cache.CacheUpdate({ key: 'account:{0}', ttl })
    async rename(_id: number, name: string): Promise<string> {
      return name
    }
    @cache.CacheInvalidate({ key: 'account:{0}', pattern: 'account:*', tags: ['accounts'] })
    async remove(_id: number): Promise<void> {}
  }
  const accounts = new Accounts()
  expect(await accounts.find(1)).toBe('found')
  await until(() => cache.get('account:1'))
  await accounts.rename(1, 'renamed')
  expect(await accounts.find(1)).toBe('renamed')
  await accounts.remove(1)
  expect(await accounts.find(1)).toBe('found')
}

async function closeWhileLoading({ cache }: OpenedCache): Promise<void> {
  const gate = makeGate()
  const load = counting(() => gate.opened)
  const loading = cache.cached(load, { key: 'closing', ttl })()
  await until(() => load.runs === 1)
  await cache.close()
  gate.open()
  await loading
}
