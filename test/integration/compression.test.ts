import { randomBytes } from 'node:crypto'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { createCache, type Serializer } from 'cachewell'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { counting, openReady } from './open-cache.ts'

const KEY = 'test::k'
const COMPRESSION_AT = 75
const LARGE = { rows: Array.from({ length: 600 }, (_, id) => ({ id, name: `item number ${id}`, at: new Date(id) })) }
const SIZE = 30_000

describeRedis('compression', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  beforeEach(() => server.command('FLUSHALL') as Promise<never>)

  const open = (options: object = {}) => openReady({ url: server.url, ...options })
  const letterAt = async (key = KEY) => String(await server.command('GETRANGE', key, COMPRESSION_AT, COMPRESSION_AT))
  const lengthAt = async (key = KEY) => Number(await server.command('STRLEN', key))
  /** Stores a value by the options of the cache, or of the function. */
  const store = async (value: unknown, ofCache: object, options: object = {}, key = 'k') => {
    const { cache, of } = await open(ofCache)
    const load = counting(() => value)
    const call = cache.cached(load, { key, ttl: 60, ...options } as { key: 'k'; ttl: 60 })
    expect(await call()).toEqual(value)
    await until(() => of('store').length === 1)
    return { cache, of, load, call }
  }

  test('is off unless asked for', async () => {
    await store(LARGE, {})
    expect(await letterAt()).toBe('-')
    expect(await lengthAt()).toBeGreaterThan(SIZE)
  })

  test.each<[string, object, object, string]>([
    ['the cache says so', { compression: true }, {}, 'g'],
    ['the cache says how', { compression: { algorithm: 'brotli' } }, {}, 'b'],
    ['the function says so', {}, { compress: true }, 'g'],
    ['the function says so, as the cache says how', { compression: { algorithm: 'brotli' } }, { compress: true }, 'b'],
    ['the function says how', { compression: true }, { compress: { algorithm: 'brotli', level: 11 } }, 'b'],
  ])('large values take less room in Redis where %s', async (_what, ofCache, ofFunction, letter) => {
    const { of, call, load } = await store(LARGE, ofCache, ofFunction)
    expect(await letterAt()).toBe(letter)
    expect(await lengthAt()).toBeLessThan(SIZE / 3)
    expect(await call()).toEqual(LARGE)
    expect(load.runs).toBe(1)
    expect(of('hit')).toHaveLength(1)
    // What is told is the size of the value.
    expect(of('store')[0]?.size).toBeGreaterThan(SIZE)
  })

  test.each<[string, object, object]>([
    ['the function says no', { compression: true }, { compress: false }],
    ['it is not above the threshold', { compression: { above: 1_000_000 } }, {}],
    ['it is not above the threshold of the function', { compression: true }, { compress: { above: 1_000_000 } }],
  ])('a value is plain where %s', async (_what, ofCache, ofFunction) => {
    await store(LARGE, ofCache, ofFunction)
    expect(await letterAt()).toBe('-')
  })

  test('a value is plain where it does not become smaller', async () => {
    const noise: Serializer = { serialize: () => randomBytes(20_000), deserialize: (data) => data.length }
    const { call } = await store(20_000, { compression: true, serializer: noise })
    expect(await letterAt()).toBe('-')
    expect(await call()).toBe(20_000)
  })

  test('the threshold is counted in bytes as they are encoded, and what is larger is compressed', async () => {
    const ofCache = { compression: { above: 2_000 } }
    // 998 letters of two bytes, and the quotes.
    await store('ä'.repeat(999), ofCache, {}, 'not')
    await store('ä'.repeat(1_000), ofCache, {}, 'just')
    expect([await letterAt('test::not'), await letterAt('test::just')]).toEqual(['-', 'g'])
  })

  test.each<[string, object, object]>([
    ['gzip', { compression: true }, { compression: { algorithm: 'brotli' } }],
    ['brotli', { compression: { algorithm: 'brotli' } }, {}],
    ['gzip', { compression: { above: 10 } }, { compression: { above: 1_000_000 } }],
    ['nothing', {}, { compression: true }],
  ])('what was written with %s is read whatever the reader would write', async (_what, writer, reader) => {
    await store(LARGE, writer)
    const { cache, of } = await open(reader)
    const load = counting(() => 'loaded')
    const read = cache.cached(load, { key: 'k', ttl: 60 })
    const answers = await Promise.all([read(), read(), read()])
    expect(answers).toEqual([LARGE, LARGE, LARGE])
    // For each of them.
    expect(new Set(answers).size).toBe(3)
    expect(await cache.get('k')).toEqual(LARGE)
    expect(load.runs).toBe(0)
    expect(of('hit')).toHaveLength(3)
  })

  test('whatever the encoding: bytes of a serializer, text of a serializer, bytes in a value', async () => {
    const bytes = Uint8Array.from({ length: 50_000 }, (_, i) => (i >> 4) % 256)
    const ofBytes: Serializer = {
      serialize: (value) => value as Uint8Array,
      deserialize: (data) => Uint8Array.from(data as Buffer),
    }
    const ofText: Serializer = {
      serialize: (value) => JSON.stringify(value),
      deserialize: (data) => JSON.parse(`${data}`),
    }
    const ofCache = { compression: true }
    const byBytes = await store(bytes, ofCache, { serializer: ofBytes }, 'bytes')
    const byText = await store(['ä'.repeat(20_000)], ofCache, { serializer: ofText }, 'text')
    const byTable = await store({ bytes, buffer: Buffer.from(bytes) }, ofCache, {}, 'table')
    expect(await byBytes.call()).toEqual(bytes)
    expect(await byText.call()).toEqual(['ä'.repeat(20_000)])
    expect(await byTable.call()).toEqual({ bytes, buffer: Buffer.from(bytes) })
    for (const { load } of [byBytes, byText, byTable]) expect(load.runs).toBe(1)
    for (const key of ['bytes', 'text', 'table']) {
      expect(await letterAt(`test::${key}`)).toBe('g')
      expect(await lengthAt(`test::${key}`)).toBeLessThan(10_000)
    }
  })

  test('set and setMany follow the cache, and get and getMany read what they wrote', async () => {
    const { cache } = await open({ compression: true })
    expect(await cache.set('k', LARGE, { ttl: 60 })).toBe(true)
    const items = Array.from({ length: 20 }, (_, i) => [`k${i}`, { i, ...LARGE }] as const)
    expect(await cache.setMany([...items, ['small', 1]], { ttl: 60, tags: ['all'] })).toBe(true)
    expect(await letterAt()).toBe('g')
    expect([await letterAt('test::k7'), await letterAt('test::small')]).toEqual(['g', '-'])
    const found = await cache.getMany([...items.map(([key]) => key), 'small', 'nothing', 'k'])
    expect(found).toEqual([...items.map(([, value]) => value), 1, undefined, LARGE])
    await cache.invalidateTags('all')
    expect(await cache.getMany(['k7', 'small', 'k'])).toEqual([undefined, undefined, LARGE])
  })

  test('the value is as it was when it was loaded, whatever the first caller does with it', async () => {
    const { cache, of } = await open({ compression: true })
    const call = cache.cached(async () => structuredClone(LARGE), { key: 'k', ttl: 60 })
    const mine = await call()
    mine.rows.length = 0
    await until(() => of('store').length === 1)
    expect(await call()).toEqual(LARGE)
  })

  test('tags, stale values and mode expire do what they do without it', async () => {
    const { cache, of } = await open({ compression: { above: 1_000 } })
    let fails = false
    const load = counting((run) => {
      if (fails) throw new Error('away')
      return { run, ...LARGE }
    })
    const call = cache.cached(load, { key: 'k', ttl: 60, tags: ['org'], staleIfError: 600, errorTtl: '50ms' })
    const stored = (count: number) => until(() => of('store').filter((event) => event.stored).length === count)
    await call()
    await stored(1)
    await cache.invalidateTags('org')
    expect((await call()).run).toBe(2)
    await stored(2)
    fails = true
    await cache.invalidate('k', { mode: 'expire' })
    expect(await letterAt()).toBe('g')
    expect(await call()).toEqual({ run: 2, ...LARGE })
    fails = false
    let run = 0
    await until(async () => {
      run = (await call()).run
      return run > 2
    })
    await stored(3)
    fails = true
    await cache.invalidateTags(['org'], { mode: 'expire' })
    expect(await call()).toEqual({ run, ...LARGE })
    expect(load.runs).toBe(run + 1)
    expect(of('trouble')).toEqual([])
  })

  test('a value that is renewed in the background is served meanwhile', async () => {
    const { cache, of } = await open({ compression: true })
    const load = counting((run) => ({ run, ...LARGE }))
    const call = cache.cached(load, { key: 'k', ttl: '50ms', staleWhileRevalidate: 600 })
    await call()
    await until(() => of('store').length === 1)
    await until(async () => (await call()).run > 1)
    expect(of('hit').some(({ stale }) => stale)).toBe(true)
    expect(await letterAt()).toBe('g')
  })

  test('what was invalidated while a value is compressed is not stored', async () => {
    const { cache, of } = await open()
    const text = randomBytes(400_000).toString('hex')
    // Takes a while, so that the invalidation comes first.
    const call = cache.cached(async () => text, {
      ...{ key: 'k', ttl: 60, compress: { algorithm: 'brotli', level: 11 } },
    })
    await call()
    await cache.invalidate('k')
    await until(() => of('store').length === 1, { timeoutMs: 20_000 })
    expect(of('store')).toMatchObject([{ stored: false, reason: 'superseded' }])
    expect(await server.command('EXISTS', KEY)).toBe(0)
  })

  test('maxValueBytes bounds what is stored by its size before', async () => {
    const { of } = await store('x'.repeat(20_000), { compression: true, maxValueBytes: 10_000 })
    expect(of('store')).toMatchObject([{ stored: false, reason: 'too-large' }])
  })

  test('memory keeps live objects, whatever is said', async () => {
    const cache = createCache({ url: 'memory:', logger: false, compression: { above: 0 } })
    const load = counting(() => LARGE)
    const call = cache.cached(load, { key: 'k', ttl: 60, compress: { algorithm: 'brotli' } })
    expect([await call(), await call()]).toEqual([LARGE, LARGE])
    expect(load.runs).toBe(1)
    await cache.close()
  })

  const json = JSON.stringify({ old: 'x'.repeat(2_000) })
  const spaces = (size: number) => Buffer.alloc(size, ' ')
  test.each<[string, string, Buffer, number?]>([
    ['is a bomb of gzip', 'jg', gzipSync(spaces(50_000_000))],
    ['is a bomb of brotli', 'jb', brotliCompressSync(spaces(50_000_000))],
    ['is a small bomb', 'jg', gzipSync(spaces(2_000_000))],
    ['is cut short', 'jg', gzipSync(json), 3],
    ['has lost its end, and says so', 'jg', gzipSync(json).subarray(0, -10)],
    ['is no gzip', 'jg', Buffer.from(json)],
    ['is no brotli', 'jb', Buffer.from(json)],
    ['is in brotli and says gzip', 'jg', brotliCompressSync(json)],
    ['is in gzip and says that it is plain', 'j-', gzipSync(json)],
    ['says zstd and is not', 'jz', Buffer.from(json)],
    ['has no payload', 'jg', Buffer.alloc(0)],
    ['is no JSON when it is expanded', 'jg', gzipSync('{{')],
    ['claims a side table that is not there', 'xg', gzipSync(json)],
    ['was written with a serializer', 'cg', gzipSync(json)],
  ])(
    'a value that %s is a miss for its own key, counted, logged and replaced',
    async (_what, flags, payload, cut = 0) => {
      await store({ neighbour: LARGE }, { compression: true }, {}, 'n')
      await store({ old: '' }, {})
      // The header as it was written, of a payload that was not.
      const header = String(await server.command('GETRANGE', KEY, 0, 87))
      const line = `${header.slice(0, 74)}${flags}-- ${String(payload.byteLength).padStart(8, '0')} 0:\n`
      await server.command(
        'SET',
        KEY,
        Buffer.concat([Buffer.from(line), payload.subarray(0, payload.byteLength - cut)]),
      )
      const logged: string[] = []
      const log = (text: string) => logged.push(text)
      const { cache, of } = await open({ logger: { info: () => {}, warn: log, error: log } })
      const load = counting((run) => ({ run }))
      const call = cache.cached(load, { key: 'k', ttl: 60 })
      const neighbour = cache.cached(counting(), { key: 'n', ttl: 60 })
      expect(await Promise.all([call(), neighbour()])).toEqual([{ run: 1 }, { neighbour: LARGE }])
      await until(() => of('store').some(({ stored }) => stored))
      expect(await call()).toEqual({ run: 1 })
      expect(load.runs).toBe(1)
      expect(of('miss')).toMatchObject([{ reason: 'unreadable' }])
      expect(of('trouble')).toMatchObject([{ operation: 'decode', error: { code: 'UNREADABLE' } }])
      expect(cache.stats()).toMatchObject({ troubles: 1 })
      expect(logged).toEqual([expect.stringContaining('the stored value cannot be read')])
      // It concerns one key, and neither the connection nor the other keys.
      expect(of('connection').map(({ state }) => state)).toEqual(['ready'])
    },
  )
})
