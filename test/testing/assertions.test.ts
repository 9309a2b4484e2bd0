import { beforeEach, describe, expect, it, test } from 'vitest'
import { CacheAssertionError, createTestCache, type TestCache } from '../../src/testing/index.ts'

let cache: TestCache
const load = async (id: number) => ({ id, orgs: [7] })
const declare = () => ({
  user: cache.cached(load, { key: 'user', ttl: '5m', staleWhileRevalidate: '1m', tags: (id: number) => [`u:${id}`] }),
  org: cache.cached(load, { key: 'org', ttl: '5m', resultTags: ({ orgs }) => orgs.map((id) => `org:${id}`) }),
  shape: cache.cached(load, { key: 'user', ttl: '5m', version: 2 }),
})
let fns: ReturnType<typeof declare>

beforeEach(() => {
  cache = createTestCache()
  fns = declare()
})

/** What the message of a failed assertion says, or nothing. */
function said(work: () => void): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(CacheAssertionError)
    return (error as Error).message
  }
}

async function saidLater(work: () => Promise<void>): Promise<string | undefined> {
  const error = await work().catch((reason: unknown) => reason)
  return error === undefined
    ? undefined
    : said(() => {
        throw error
      })
}

describe('assertCached and assertNotCached', () => {
  const cached = (target: Parameters<TestCache['assertCached']>[0]) => saidLater(() => cache.assertCached(target))
  const notCached = (target: Parameters<TestCache['assertCached']>[0]) => saidLater(() => cache.assertNotCached(target))

  it('say what would be served', async () => {
    const targets = [() => fns.user(1), 'user:1', ['user', 1], 'user:*', 'u*'] as const
    for (const target of targets) expect([await cached(target), await notCached(target)][1]).toBeUndefined()
    await fns.user(1)
    for (const target of targets) {
      expect(await cached(target)).toBeUndefined()
      expect(await notCached(target)).toMatch(/^expected (user:1|user:\*|u\*) not to be cached, but it is\nrecorded of/)
    }
    expect(await cached(() => fns.user(2))).toBe(
      [
        'expected user:2 to be cached, but it is not: absent',
        'stored: user:1',
        'recorded, all of it of others:',
        '  miss        user:1 (absent)',
        '  store       user:1',
      ].join('\n'),
    )
  })

  it('say why not: stale, of another version, invalidated by tag, not stored', async () => {
    await fns.user(1)
    expect(await cached(() => fns.shape(1))).toContain('not: version')
    await cache.clock.advance('5m')
    expect(await cached(() => fns.user(1))).toBeUndefined()
    expect(await cached('user:1')).toContain('not: expired')
    await cache.invalidateTags('u:1')
    expect(await cached(() => fns.user(1))).toContain('not: tag')
    expect(await cached('user:1')).toContain('not: tag')
    await fns.org(1)
    expect(await cached(() => fns.org(1))).toBeUndefined()
    await cache.invalidateTags('org:7')
    expect(await notCached('org:*')).toBeUndefined()
    const never = cache.cached(load, { key: 'never', ttl: '5m', cacheIf: () => false })
    await never(1)
    expect(await cached(() => never(1))).toMatch(/not: passed\n.*store {7}never:1 \(not stored: uncacheable\)/s)
  })

  it('count counters', async () => {
    await cache.increment('visits', 1, { ttl: '1m' })
    expect(await cached('visits')).toBeUndefined()
  })
})

test('assertHit', async () => {
  await fns.user(1)
  expect(said(() => cache.assertHit(() => fns.user(1)))).toBe(
    'expected a call of user:1 to be a hit, but none was\nrecorded of user:1:\n  miss        user:1 (absent)',
  )
  await fns.user(1)
  for (const target of [() => fns.user(1), 'user:1', 'user:*', 'user'])
    expect(said(() => cache.assertHit(target))).toBeUndefined()
  expect(said(() => cache.assertHit(() => fns.user(2)))).toContain('of user:2 to be a hit')
})

test('assertLoaded', async () => {
  expect(said(() => cache.assertLoaded('user:1', 0))).toBeUndefined()
  expect(said(() => cache.assertLoaded('user:1'))).toBe(
    'expected the function to run once for user:1, but it ran not at all\nnothing was recorded',
  )
  await Promise.all([fns.user(1), fns.user(1), fns.user(2)])
  expect(said(() => cache.assertLoaded(() => fns.user(1)))).toBeUndefined()
  expect(said(() => cache.assertLoaded('user', 2))).toBeUndefined()
  expect(said(() => cache.assertLoaded(() => fns.user(1), 2))).toContain('to run 2 times for user:1, but it ran once')
  expect(said(() => cache.assertLoaded('user:1', 0))).toContain("miss        user:1 (absent, shared another's run)")
})

describe('assertInvalidated and assertNotInvalidated', () => {
  const invalidated = (target: Parameters<TestCache['assertInvalidated']>[0]) => {
    const [was, wasNot] = [said(() => cache.assertInvalidated(target)), said(() => cache.assertNotInvalidated(target))]
    expect([was, wasNot].filter((message) => message === undefined)).toHaveLength(1)
    return was === undefined
  }

  it('of a key: by name, by a pattern that matches it, by a tag of its arguments', async () => {
    const user = () => fns.user(1)
    expect([invalidated(user), invalidated('user:1')]).toEqual([false, false])
    await fns.user.invalidate(2)
    await cache.invalidate('user:1:*')
    await cache.invalidateTags('u:2')
    expect([invalidated(user), invalidated('user:1'), invalidated({ tag: 'u:1' })]).toEqual([false, false, false])
    expect([invalidated(() => fns.user(2)), invalidated('user:2'), invalidated({ tag: 'u:2' })]).toEqual([
      true,
      true,
      true,
    ])
    await cache.invalidateTags('u:1')
    expect([invalidated(user), invalidated('user:1'), invalidated({ tag: 'u:1' })]).toEqual([true, false, true])
    await cache.invalidate('us*')
    expect(invalidated('user:1')).toBe(true)
  })

  it('of a pattern: that very pattern, and no key alone', async () => {
    await cache.invalidate('user:1')
    expect(invalidated('user:*')).toBe(false)
    await cache.invalidate('user:*')
    expect([invalidated('user:*'), invalidated('*')]).toEqual([true, false])
  })

  it('say what was invalidated instead', async () => {
    expect(said(() => cache.assertInvalidated('user:*'))).toBe(
      'expected user:* to be invalidated, but nothing was invalidated\nnothing was recorded',
    )
    await cache.invalidate('users:*')
    expect(said(() => cache.assertInvalidated('user:*'))).toBe(
      [
        'expected user:* to be invalidated, but what was invalidated is users:*',
        'recorded, all of it of others:',
        '  invalidate  users:* (0 removed)',
      ].join('\n'),
    )
    expect(said(() => cache.assertNotInvalidated('users:*'))).toContain('not to be invalidated, but it was, once')
  })
})

describe('a call that is only named', () => {
  const complaint = (target: () => unknown) => {
    try {
      cache.assertHit(target)
    } catch (error) {
      return (error as Error).message
    }
  }

  it('has to be one call of a cached function of this cache', () => {
    expect(complaint(() => 1)).toContain('no cached function of this cache was called')
    expect(complaint(() => createTestCache().cached(load, { key: 'x', ttl: 1 })(1))).toContain('no cached function')
    expect(complaint(() => [fns.user(1), fns.org(1)])).toContain('more than one')
    expect(complaint(() => Promise.reject(new Error('ignored')))).toContain('no cached function')
    expect(complaint(() => fns.user(Promise as never))).toContain('no key can be made')
  })

  it('throws what it throws, and leaves the cache as it was', async () => {
    expect(complaint(() => JSON.parse('{'))).toContain('JSON')
    expect(await fns.user(1)).toMatchObject({ id: 1 })
    cache.assertLoaded('user:1')
  })
})

test('the stack of an error begins in the test', () => {
  const error = (() => {
    try {
      cache.assertHit('user:1')
    } catch (reason) {
      return reason as CacheAssertionError
    }
  })()
  expect(`${error}`).toMatch(/^CacheAssertionError: expected a call of user:1/)
  expect(error?.stack?.split('\n').find((line) => line.includes(' at '))).toContain('assertions.test.ts')
})

test('long recordings are cut', async () => {
  for (let id = 0; id < 40; id++) await fns.user(id)
  const message = said(() => cache.assertHit('user')) ?? ''
  expect(message).toMatch(/\(\d+ before\)/)
  expect(message.split('\n').length).toBeLessThan(40)
})

describe('in a cache with tenants', () => {
  let tenant: string | undefined
  let tenants: TestCache
  let user: ReturnType<typeof declare>['user']
  const as = <T>(name: string | undefined, work: () => T): T => {
    tenant = name
    return work()
  }

  beforeEach(async () => {
    tenants = createTestCache({ tenant: () => tenant })
    user = tenants.cached(load, { key: 'user', ttl: '5m', tags: (id: number) => [`u:${id}`] })
    await as('acme', () => user(1))
    await as('acme', () => user(1))
  })

  it('keys, patterns and calls are those of the running tenant', async () => {
    for (const target of ['user:1', ['user', 1], 'user:*', () => user(1)]) {
      await as('acme', () => tenants.assertCached(target))
      as('acme', () => tenants.assertHit(target))
      as('acme', () => tenants.assertLoaded(target))
      expect(await saidLater(() => as('acme', () => tenants.assertNotCached(target)))).toContain('but it is')
      await as('globex', () => tenants.assertNotCached(target))
    }
    for (const target of [['user', 1], 'user:*', () => user(1)]) as('globex', () => tenants.assertLoaded(target, 0))
  })

  it('what was invalidated was invalidated for that tenant: by key, by pattern, and by tag', async () => {
    const targets = ['user:1', () => user(1), { tag: 'u:1' }, 'user:*'] as const
    for (const target of targets) expect(said(() => tenants.assertInvalidated(target))).toContain('to be invalidated')
    await as('acme', () => tenants.invalidateTags('u:1'))
    for (const target of [targets[1], targets[2]]) {
      as('acme', () => tenants.assertInvalidated(target))
      expect(said(() => as('acme', () => tenants.assertNotInvalidated(target)))).toContain('but it was, once')
      as('globex', () => tenants.assertNotInvalidated(target))
    }
    await as('acme', () => tenants.invalidate('user:*'))
    for (const target of targets) {
      as('acme', () => tenants.assertInvalidated(target))
      as('globex', () => tenants.assertNotInvalidated(target))
    }
  })

  it('a key of nobody is refused, since nothing could ever be said of it; a name is that of all', async () => {
    tenant = undefined
    const refusal = 'is about keys of a tenant, and there is no tenant: call it as that tenant'
    await expect(tenants.assertNotCached('user:1')).rejects.toThrow(refusal)
    await expect(tenants.corrupt('user:1')).rejects.toThrow(refusal)
    for (const target of ['user:1', 'user:*', { tag: 'u:1' }]) {
      expect(() => tenants.assertNotInvalidated(target)).toThrow(refusal)
    }
    tenants.assertLoaded('user')
    tenants.assertHit('user')
    expect(tenants.of('user').calls).toHaveLength(2)
  })

  it('a value of one tenant can be spoilt', async () => {
    await as('globex', () => user(1))
    await as('acme', () => tenants.corrupt('user:1'))
    expect(await saidLater(() => as('acme', () => tenants.assertCached('user:1')))).toContain('unreadable')
    await as('globex', () => tenants.assertCached('user:1'))
  })
})

test('what is no tag is refused, and not taken for one that nobody has invalidated', async () => {
  await cache.invalidateTags('a')
  for (const tag of [['a'], undefined, '', 5]) {
    expect(() => cache.assertNotInvalidated({ tag } as never)).toThrow('a tag is a word')
  }
})
