import { type Cache, type CacheEvent, createCache } from 'cachewell'
import { afterEach, beforeEach, expect, test } from 'vitest'

// A rejection that nobody hears ends a process, and here a run of the tests.

const late = async () => Promise.reject(new Error('unheard'))
const turns = async () => {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}

let cache: Cache
const events: CacheEvent[] = []
const unheard: unknown[] = []
const onUnheard = (reason: unknown) => unheard.push(reason)

beforeEach(() => {
  events.length = 0
  unheard.length = 0
  process.on('unhandledRejection', onUnheard)
  cache = createCache({ url: 'memory:', logger: false })
  cache.on((event) => {
    events.push(event)
  })
})
afterEach(async () => {
  process.off('unhandledRejection', onUnheard)
  await cache.close()
})

const messages = () => events.flatMap((event) => (event.type === 'notice' ? [event.message] : []))

test('a serializer that answers with promises: nothing of it is kept, and a notice or an event says why', async () => {
  const json = {
    serialize: (value: unknown) => JSON.stringify(value),
    deserialize: (data: unknown) => JSON.parse(`${data}`),
  }
  let runs = 0
  const packs = cache.cached(async () => ++runs, {
    key: 'p',
    ttl: '1m',
    serializer: { ...json, serialize: late as never },
  })
  expect([await packs(), await packs()]).toEqual([1, 2])
  expect(await packs.set([], 3)).toBe(false)
  expect(messages()[0]).toContain('serializer.serialize must return a string or a Uint8Array, at once')

  await cache.cached(async () => 1, { key: 'u', ttl: '1m', serializer: json })()
  await turns()
  const unpacks = cache.cached(async () => 2, { key: 'u', ttl: '1m', serializer: { ...json, deserialize: late } })
  expect(await unpacks()).toBe(2)
  expect(events.flatMap((event) => (event.type === 'trouble' ? [event.error.message] : []))).toEqual([
    'the stored value cannot be read: serializer.deserialize returned a promise: it has to answer at once',
  ])
  await turns()
  expect(unheard).toEqual([])
})

test.each([
  ['key', 'a promise'],
  ['ttl', 'ttl returned a promise: it has to answer at once'],
  ['cacheIf', 'cacheIf returned a promise: it has to answer at once'],
  ['tags', 'tags came with a promise'],
  ['resultTags', 'tags came with a promise'],
  ['bypass', 'it returned a promise, and has to answer at once'],
])(
  'a %s that answers with a promise: the call goes on, nothing is kept, and a notice says why',
  async (option, why) => {
    let runs = 0
    const call = cache.cached(async () => ++runs, { key: 'late', ttl: '1m', [option]: late } as never)
    expect([await call(), await call()]).toEqual([1, 2])
    await turns()
    expect(messages()[0]).toContain(why)
    expect(unheard).toEqual([])
  },
)

test.each([
  ['key', 'a promise'],
  ['pattern', 'a promise'],
  ['tags', 'a promise'],
])(
  'a %s of @CacheInvalidate that is a promise: the method has succeeded, and a notice says why',
  async (option, why) => {
    const write = async () => 'written'
    const decorate = cache.CacheInvalidate({ [option]: late } as never) as never as (
      fn: unknown,
      of: object,
    ) => typeof write
    expect(await decorate(write, { kind: 'method', name: 'write', private: false })()).toBe('written')
    await turns()
    expect(messages()[0]).toContain(`a call of write invalidated nothing: `)
    expect(messages()[0]).toContain(why)
    expect(unheard).toEqual([])
  },
)

test.each([
  ['key', 'part 1, is an instance of Promise'],
  ['tags', 'not a promise'],
  ['resultTags', 'not a promise'],
])('promises among what a %s answers with are as late', async (option, why) => {
  let runs = 0
  const answer = () => ['word', late(), late()]
  const call = cache.cached(async () => ++runs, { key: 'late', ttl: '1m', [option]: answer } as never)
  expect([await call(), await call()]).toEqual([1, 2])
  await turns()
  expect(messages()[0]).toContain(why)
  expect(unheard).toEqual([])
})

test.each(['key', 'pattern', 'tags'])(
  'and what they reject with is heard where they are a %s of @CacheInvalidate',
  async (option) => {
    const write = async () => 'written'
    const decorate = cache.CacheInvalidate({ [option]: () => ['word', late(), late()] } as never) as never as (
      fn: unknown,
      of: object,
    ) => typeof write
    // Before there is a core, and with it.
    for (const written of [decorate, decorate].map((one) =>
      one(write, { kind: 'method', name: 'write', private: false }),
    )) {
      expect(await written()).toBe('written')
      await turns()
      expect(messages()[0]).toContain(`a call of write invalidated nothing: `)
      expect(unheard).toEqual([])
    }
  },
)

test('a tenant that is a promise is none', async () => {
  const tenants = createCache({ url: 'memory:', logger: false, tenant: late as never })
  expect(await tenants.get('key')).toBeUndefined()
  expect(await tenants.cached(async () => 1, { key: 'one', ttl: '1m' })()).toBe(1)
  await turns()
  expect(unheard).toEqual([])
  await tenants.close()
})
