import { createCache, loadSignal } from 'cachewell'
import { expect, test, vi } from 'vitest'
import { listeningCache } from './decorators/listening-cache.ts'

const ttl = '1m'
const echo = async (ids: readonly unknown[]) => ids.map((id) => ({ id }))

test('the function is called with just the ids that are missing, and results come in the order of the ids', async () => {
  const { cachedMany, stored } = listeningCache()
  const load = vi.fn(async (ids: string[]) => ids.map((id) => ({ id })))
  const users = cachedMany(load, { key: 'user', ttl })

  await expect(users(['b', 'a'])).resolves.toEqual([{ id: 'b' }, { id: 'a' }])
  await expect(users(['a', 'c', 'b', 'd'])).resolves.toEqual([{ id: 'a' }, { id: 'c' }, { id: 'b' }, { id: 'd' }])
  await expect(users(['d', 'c'])).resolves.toEqual([{ id: 'd' }, { id: 'c' }])
  await expect(users([])).resolves.toEqual([])
  expect(load.mock.calls).toEqual([[['b', 'a']], [['c', 'd']]])
  expect(stored()).toEqual(['user:b', 'user:a', 'user:c', 'user:d'])
})

test('an id that is asked for twice is loaded once', async () => {
  const { cachedMany } = listeningCache()
  const load = vi.fn(async (ids: number[]) => ids.map((id) => id * 2))
  const doubled = cachedMany(load, { key: 'doubled', ttl })
  await expect(doubled([3, 1, 3, 2, 1])).resolves.toEqual([6, 2, 6, 4, 2])
  expect(load.mock.calls).toEqual([[[3, 1, 2]]])
})

test('two ids of one key are one load', async () => {
  const { cachedMany } = listeningCache()
  const load = vi.fn(async (ids: string[]) => ids.map((id) => id.toLowerCase()))
  const users = cachedMany(load, { key: (id) => ['user', id.toLowerCase()], ttl })
  await expect(users(['A', 'a', 'b'])).resolves.toEqual(['a', 'a', 'b'])
  expect(load.mock.calls).toEqual([[['A', 'b']]])
})

test('results may come as a Map, in which ids may be missing', async () => {
  const { cachedMany, stored } = listeningCache()
  const load = vi.fn(async (ids: number[]) => new Map(ids.filter((id) => id < 10).map((id) => [id, `user ${id}`])))
  const users = cachedMany(load, { key: 'user', ttl })
  await expect(users([11, 2, 1])).resolves.toEqual([undefined, 'user 2', 'user 1'])
  await expect(users([11, 2])).resolves.toEqual([undefined, 'user 2'])
  expect(load.mock.calls).toEqual([[[11, 2, 1]], [[11]]])
  expect(stored()).toEqual(['user:2', 'user:1'])
})

test('null is kept with nullTtl, undefined never', async () => {
  const { cachedMany } = listeningCache()
  const load = vi.fn(async (ids: string[]) => ids.map((id) => (id === 'null' ? null : undefined)))
  const kept = cachedMany(load, { key: 'kept', ttl, nullTtl: '1m' })
  await kept(['null', 'undefined'])
  await expect(kept(['null', 'undefined'])).resolves.toEqual([null, undefined])
  expect(load.mock.calls).toEqual([[['null', 'undefined']], [['undefined']]])
})

test('further arguments are passed on, and are part of the keys', async () => {
  const { cachedMany, stored } = listeningCache()
  const load = vi.fn(async (ids: number[], locale: string, page?: number) => ids.map((id) => `${locale} ${id} ${page}`))
  const texts = cachedMany(load, { key: 'text', ttl })
  await expect(texts([1, 2], 'de')).resolves.toEqual(['de 1 undefined', 'de 2 undefined'])
  await expect(texts([2, 1], 'en', 3)).resolves.toEqual(['en 2 3', 'en 1 3'])
  await expect(texts([1], 'de')).resolves.toEqual(['de 1 undefined'])
  expect(load).toHaveBeenCalledTimes(2)
  expect(stored()).toEqual(['text:1:de', 'text:2:de', 'text:2:en:3', 'text:1:en:3'])
})

test('single and batch callers share keys, values and loads', async () => {
  const { cachedMany, cached, stored } = listeningCache()
  const many = vi.fn(async (ids: string[]) => ids.map((id) => ({ id, by: 'many' })))
  const one = vi.fn(async (id: string) => ({ id, by: 'one' }))
  const users = cachedMany(many, { key: 'user', ttl })
  const user = cached(one, { key: 'user', ttl })
  expect(users.keyFor('a')).toBe(user.keyFor('a'))

  const [first, batch, last] = await Promise.all([user('a'), users(['c', 'a', 'b']), user('b')])
  expect(first).toEqual({ id: 'a', by: 'one' })
  expect(batch).toEqual([
    { id: 'c', by: 'many' },
    { id: 'a', by: 'one' },
    { id: 'b', by: 'many' },
  ])
  expect(last).toEqual({ id: 'b', by: 'many' })
  await expect(user('c')).resolves.toEqual({ id: 'c', by: 'many' })
  expect(one.mock.calls).toEqual([['a']])
  expect(many.mock.calls).toEqual([[['c', 'b']]])
  expect(stored().sort()).toEqual(['user:a', 'user:b', 'user:c'])
})

test('batches that overlap load each id once', async () => {
  const { cachedMany } = listeningCache()
  const load = vi.fn(async (ids: number[]) => ids.map((id) => ({ id })))
  const users = cachedMany(load, { key: 'user', ttl })
  const batches = await Promise.all([users([1, 2, 3]), users([2, 3, 4]), users([4, 3, 2, 1]), users([1, 4])])
  expect(batches[2]).toEqual([{ id: 4 }, { id: 3 }, { id: 2 }, { id: 1 }])
  expect(load.mock.calls).toEqual([[[1, 2, 3]], [[4]]])
  // Nobody has an object that another caller has.
  expect(new Set(batches.flat()).size).toBe(12)
})

test('maxBatch splits what is loaded, and not what is read', async () => {
  const { cachedMany, stats } = listeningCache()
  const load = vi.fn(async (ids: number[]) => ids)
  const users = cachedMany(load, { key: 'user', ttl, maxBatch: 4 })
  const ids = Array.from({ length: 10 }, (_, i) => i)
  await expect(users(ids)).resolves.toEqual(ids)
  expect(load.mock.calls.map(([some]) => some.length)).toEqual([4, 4, 2])
  expect(load.mock.calls.flatMap(([some]) => some)).toEqual(ids)
  await users(ids)
  expect(load).toHaveBeenCalledTimes(3)
  expect(stats()).toMatchObject({ hits: 10, misses: 10 })
})

test('what the function throws, all get who wait for what it was asked for', async () => {
  const { cachedMany, cached, stored } = listeningCache()
  let fails = true
  const load = vi.fn(async (ids: number[]) => {
    if (fails) throw new Error('down')
    return ids
  })
  const users = cachedMany(load, { key: 'user', ttl })
  await users.set([[1, 1]])
  const user = cached(async (id: number) => id * 100, { key: 'user', ttl })
  const outcomes = await Promise.allSettled([users([1, 2, 3]), user(2), users([1])])
  expect(outcomes).toMatchObject([
    { status: 'rejected', reason: { message: 'down' } },
    { status: 'rejected', reason: { message: 'down' } },
    { status: 'fulfilled', value: [1] },
  ])
  expect(load).toHaveBeenCalledTimes(1)
  fails = false
  await expect(users([1, 2, 3])).resolves.toEqual([1, 2, 3])
  expect(stored()).toEqual(['user:1', 'user:2', 'user:3'])
})

test('an Error in the place of a result is thrown to those who wait for that id, and the others are kept', async () => {
  const { cachedMany } = listeningCache()
  const load = vi.fn(async (ids: number[]) => ids.map((id) => (id === 2 ? new RangeError('no user 2') : id)))
  const users = cachedMany(load, { key: 'user', ttl })
  await expect(users([1, 2, 3])).rejects.toThrow(new RangeError('no user 2'))
  await expect(users([1, 3])).resolves.toEqual([1, 3])
  expect(load).toHaveBeenCalledTimes(1)
})

const mistakes: [string, (ids: string[]) => unknown, RegExp][] = [
  ['too few', (ids) => ids.slice(1), /^user was called for 2 ids and returned an array of 1: return an array with one/],
  ['too many', (ids) => [...ids, ''], /returned an array of 3: .* in the order of the ids .*, or a Map by id$/],
  ['a record', (ids) => Object.fromEntries(ids.map((id) => [id, id])), /returned an object: return an array/],
  ['nothing', () => undefined, /returned undefined: return an array/],
  ['a Map of others', () => new Map([[1, 1]]), /returned a Map that has none of them as a key: return an array/],
]
test.each(mistakes)('a function that returns %s is told what to return', async (_what, result, message) => {
  const { cachedMany, stored } = listeningCache()
  const users = cachedMany(async (ids: string[]) => result(ids) as string[], { key: 'user', ttl })
  await expect(users(['1', '2'])).rejects.toThrow(message)
  await expect(users(['1', '2'])).rejects.toMatchObject({ name: 'CacheConfigError' })
  expect(stored()).toEqual([])
})

test('mistakes in the options are thrown where it is declared', () => {
  const { cachedMany } = listeningCache()
  const declare = (options: object | undefined) => () => cachedMany(echo, options as { ttl: '1m' })
  expect(declare(undefined)).toThrow(
    "cachedMany() takes an object of options: write cachedMany(echo, { key: 'user', ttl: '5m' })",
  )
  expect(declare({ key: 'k' })).toThrow('cachedMany(echo): ttl must be a duration')
  expect(declare({ key: 'k', ttl, maxbatch: 1 })).toThrow("has no option 'maxbatch': did you mean 'maxBatch'?")
  expect(declare({ key: 'k:{1}', ttl })).toThrow('has the hole {1}, but echo has no argument 1: it takes 1')
  for (const maxBatch of [0, -1, 1.5, '5', null, Number.NaN])
    expect(declare({ key: 'k', ttl, maxBatch })).toThrow(
      'maxBatch must be a whole number such as 500: for so many ids at once',
    )
  expect(() => cachedMany(function* () {} as never, { ttl })).toThrow('cachedMany() works on functions')
  const { cached } = listeningCache()
  expect(() => cached(async () => 1, { key: 'k', ttl, maxBatch: 5 } as never)).toThrow("has no option 'maxBatch'")
})

test('a call without an array is told so', async () => {
  const { cachedMany } = listeningCache()
  const users = cachedMany(echo, { key: 'user', ttl })
  await expect(users('abc' as never)).rejects.toThrow("user takes an array of ids, got 'abc': write for instance [id]")
  await expect((users as unknown as () => unknown)()).rejects.toThrow('user takes an array of ids')
})

test('it has the name, the length and the `this` of the function, and a key by its name', async () => {
  const { cachedMany, stored } = listeningCache()
  async function usersOf(this: { org: string } | undefined, ids: number[], _locale?: string) {
    return ids.map((id) => `${this?.org} ${id}`)
  }
  const users = cachedMany(usersOf, { ttl, tags: ['users'] })
  expect([users.name, users.length]).toEqual(['usersOf', 2])
  await expect(users.call({ org: 'acme' }, [1])).resolves.toEqual(['acme 1'])
  await expect(users.refresh([2])).resolves.toEqual(['undefined 2'])
  expect(stored()).toEqual(['usersOf:1', 'usersOf:2'])
  const other: typeof echo = async (ids) => echo(ids)
  Object.defineProperty(other, 'name', { value: 'usersOf' })
  expect(() => cachedMany(other, { ttl })).toThrow("would have keys named 'usersOf'")
})

test('its members work by id', async () => {
  const { cachedMany } = listeningCache()
  let version = 1
  const load = async (ids: string[]) => ids.map((id) => `${id} ${version}`)
  const { keyFor, set, peek, invalidate, refresh, expire } = cachedMany(load, { key: 'user', ttl, staleIfError: '1h' })
  const users = cachedMany(load, { key: 'user', ttl, staleIfError: '1h' })

  expect(keyFor('a')).toBe('user:a')
  await expect(peek(['a'])).resolves.toEqual([undefined])
  await users(['a', 'b'])
  await expect(peek(['b', 'none', 'a'])).resolves.toEqual(['b 1', undefined, 'a 1'])
  await expect(set(new Map([['c', 'c set']]))).resolves.toBe(true)
  await expect(set([['d', 'd set']])).resolves.toBe(true)
  version = 2
  await expect(users(['a', 'b', 'c', 'd'])).resolves.toEqual(['a 1', 'b 1', 'c set', 'd set'])
  await expect(invalidate(['a', 'a', 'none'])).resolves.toEqual({ removed: 1, deferred: false })
  await expect(users(['a', 'b'])).resolves.toEqual(['a 2', 'b 1'])
  await expect(refresh(['b', 'c'])).resolves.toEqual(['b 2', 'c 2'])
  await vi.waitFor(() => expect(peek(['b', 'c', 'd'])).resolves.toEqual(['b 2', 'c 2', 'd set']))
  await expect(expire(['d'])).resolves.toEqual({ removed: 1, deferred: false })
  await expect(peek(['d'])).resolves.toEqual([undefined])
})

test('refresh calls the function once', async () => {
  const { cachedMany } = listeningCache()
  const load = vi.fn(async (ids: number[]) => ids)
  const users = cachedMany(load, { key: 'user', ttl })
  await users([1, 2])
  await users.refresh([3, 2, 1])
  expect(load.mock.calls).toEqual([[[1, 2]], [[3, 2, 1]]])
})

test('callbacks are called for each id', async () => {
  const { cachedMany, invalidateTags, stored } = listeningCache()
  const load = vi.fn(async (ids: number[], _org: string) => ids)
  const users = cachedMany(load, {
    key: (id, org) => ['user', org, id],
    ttl: (user, id, org) => (org === 'acme' && user === id ? '1m' : '1s'),
    cacheIf: (user) => user !== 3,
    bypass: (id) => id === 4,
    tags: (id) => [`user ${id}`],
    resultTags: (user) => [user % 2 ? 'odd' : 'even'],
  })
  await users([1, 2, 3, 4, 5], 'acme')
  expect(stored()).toEqual(['user:acme:1', 'user:acme:2', 'user:acme:5'])
  await users([1, 2, 3, 4, 5], 'acme')
  await invalidateTags('even', 'user 5')
  await users([1, 2, 3, 4, 5], 'acme')
  expect(load.mock.calls.map(([ids]) => ids)).toEqual([
    [1, 2, 3, 4, 5],
    [3, 4],
    [2, 3, 4, 5],
  ])
})

test('hostile ids are ids like others', async () => {
  const { cachedMany } = listeningCache()
  const ids = [
    '__proto__',
    'constructor',
    '',
    '*',
    'a:b',
    'user:{0}',
    '\n',
    '\u0000',
    'ä',
    'x'.repeat(5_000),
    '1',
    1,
    1n,
  ]
  const more = [true, Number.NaN, new Date(0), { tenant: 'a', id: 1 }, ['a', 'b'], 'a', 'b']
  const load = vi.fn(async (given: readonly unknown[]) => given.map((id) => [ids.indexOf(id as string), typeof id]))
  const things = cachedMany(load, { key: 'thing', ttl })
  const expected = await load([...ids, ...more])
  await expect(things([...ids, ...more])).resolves.toEqual(expected)
  await expect(things([...ids, ...more])).resolves.toEqual(expected)
  expect(load).toHaveBeenCalledTimes(2)
})

test('ids of which no key can be made are loaded with the others, and not kept', async () => {
  const { cachedMany, notices } = listeningCache()
  class Id {}
  const odd = new Id()
  const load = vi.fn(async (ids: unknown[]) => ids.map((_, i) => i))
  const things = cachedMany(load, { key: 'thing', ttl })
  await expect(things([odd, 1])).resolves.toEqual([0, 1])
  await things([odd, 1])
  expect(load.mock.calls).toEqual([[[odd, 1]], [[odd]]])
  expect(notices()).toEqual([expect.stringContaining('an instance of Id')])
})

test('what the function does with its ids changes nothing', async () => {
  const { cachedMany } = listeningCache()
  const users = cachedMany(async (ids: number[]) => ids.splice(0).map((id) => `user ${id}`), { key: 'user', ttl })
  const ids = [1, 2]
  const call = users(ids)
  ids.length = 0
  await expect(call).resolves.toEqual(['user 1', 'user 2'])
})

test('a function that asks for its own ids runs through', async () => {
  const { cachedMany, events } = listeningCache()
  const asked: number[][] = []
  const users = cachedMany(
    async (ids: number[]): Promise<number[]> => {
      asked.push(ids)
      return asked.length === 1 ? users([...ids, 3]) : ids.map((id) => id * 10)
    },
    { key: 'user', ttl },
  )
  await expect(users([1, 2])).rejects.toThrow('returned an array of 3')
  expect(asked).toEqual([
    [1, 2],
    [1, 2, 3],
  ])
  expect(events.filter((event) => event.type === 'bypass').map(({ reason }) => reason)).toEqual([
    'reentrant',
    'reentrant',
  ])
})

test('two functions that ask for each other’s ids do not wait for each other', async () => {
  const { cachedMany, cached } = listeningCache()
  const many = cachedMany(async (ids: number[]) => Promise.all(ids.map((id) => one(id))), { key: 'thing', ttl })
  const one = cached(
    async (id: number): Promise<number> => ((await many.peek([id]))[0] ?? id) + ((await other([id]))[0] ?? 0),
    {
      key: 'thing',
      ttl,
    },
  )
  const other = cachedMany(async (ids: number[]): Promise<number[]> => (id2(ids) ? ids : many(ids)), {
    key: 'other',
    ttl,
  })
  const id2 = (ids: number[]) => ids.includes(2)
  await expect(many([2])).resolves.toEqual([4])
})

test('an id that waits for a single call does not hold up the others', async () => {
  const { cachedMany, cached } = listeningCache()
  let release!: (id: string) => void
  const user = cached(() => new Promise<string>((resolve) => (release = resolve)), { key: () => ['user', 'slow'], ttl })
  const load = vi.fn(async (ids: string[]) => ids)
  const users = cachedMany(load, { key: 'user', ttl })
  const single = user()
  await vi.waitFor(() => expect(release).toBeDefined())
  const batch = users(['a', 'slow', 'b'])
  await vi.waitFor(() => expect(load.mock.calls).toEqual([[['a', 'b']]]))
  await expect(users(['a', 'b'])).resolves.toEqual(['a', 'b'])
  release('came')
  await expect(batch).resolves.toEqual(['a', 'came', 'b'])
  await expect(single).resolves.toBe('came')
})

test('loadSignal fires when nobody waits for any of the ids any more', async () => {
  const { cachedMany, cached } = listeningCache()
  const seen: boolean[] = []
  const load = async (ids: number[]) => {
    const signal = loadSignal()
    await new Promise((resolve) => signal?.addEventListener('abort', resolve))
    seen.push(signal?.aborted ?? false)
    return ids
  }
  const users = cachedMany(load, { key: 'user', ttl, hardTimeout: '50ms' })
  const patient = cached(async (id: number) => id, { key: 'user', ttl, hardTimeout: '150ms' })
  const outcomes = await Promise.allSettled([users([1, 2]), patient(2)])
  expect(outcomes).toMatchObject([
    { status: 'rejected', reason: { name: 'LoadTimeoutError' } },
    { status: 'rejected', reason: { name: 'LoadTimeoutError' } },
  ])
  await vi.waitFor(() => expect(seen).toEqual([true]))
})

test('a stale value is served and renewed in the background, all of them in one call', async () => {
  const { cachedMany, stored } = listeningCache()
  const load = vi.fn(async (ids: number[]) => ids.map((id) => ({ id })))
  const users = cachedMany(load, { key: 'user', ttl: '30ms', staleWhileRevalidate: '1m' })
  const ids = Array.from({ length: 50 }, (_, i) => i)
  await users(ids)
  await new Promise((resolve) => setTimeout(resolve, 40))
  await users([...ids, 99])
  await vi.waitFor(() => expect(stored()).toHaveLength(101))
  expect(load.mock.calls.map(([some]) => some.length)).toEqual([50, 51])
})

test('without a store everything comes from one call', async () => {
  const cache = createCache({ url: 'null:', logger: false })
  const load = vi.fn(echo)
  const users = cache.cachedMany(load, { key: 'user', ttl })
  await expect(users([1, 2, 1])).resolves.toEqual([{ id: 1 }, { id: 2 }, { id: 1 }])
  await users([1])
  expect(load.mock.calls).toEqual([[[1, 2]], [[1]]])
})

test('tenants share no ids', async () => {
  let tenant = 'acme'
  const cache = createCache({ url: 'memory:', logger: false, tenant: () => tenant })
  const users = cache.cachedMany(async (ids: number[]) => ids.map((id) => `${tenant} ${id}`), { key: 'user', ttl })
  await expect(users([1, 2])).resolves.toEqual(['acme 1', 'acme 2'])
  tenant = 'globex'
  await expect(users([1, 2])).resolves.toEqual(['globex 1', 'globex 2'])
  await expect(users.invalidate([1])).resolves.toEqual({ removed: 1, deferred: false })
  tenant = 'acme'
  await expect(users.peek([1, 2])).resolves.toEqual(['acme 1', 'acme 2'])
})

test('keyFor is below tenant and namespace, as get takes it', async () => {
  const part = createCache({ url: 'memory:', logger: false, tenant: () => 'acme' }).namespace('billing')
  const many = part.cachedMany(async (ids: readonly number[]) => ids.map((id) => ({ id })), { key: 's', ttl: 60 })
  expect(await many([1])).toEqual([{ id: 1 }])
  expect(many.keyFor(1)).toBe('s:1')
  expect(await part.get(many.keyFor(1) as string)).toEqual({ id: 1 })
})

test('a word is no list of ids', async () => {
  const { cachedMany } = listeningCache()
  const users = cachedMany(async (ids: string[]) => ids, { key: 'user', ttl: '1m' })
  for (const member of [users, users.refresh, users.peek, users.invalidate, users.expire]) {
    await expect(member('ann' as never)).rejects.toThrow(
      "user takes an array of ids, got 'ann': write for instance [id]",
    )
  }
})
