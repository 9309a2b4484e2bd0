import { type CacheEvent, type CacheOptions, createCache, type StandardSchema } from 'cachewell'
import { afterEach, describe, expect, test } from 'vitest'

/** As https://standardschema.dev has it: what schemas of zod, valibot and arktype are as well. */
function schemaOf(validate: StandardSchema['~standard']['validate']): StandardSchema {
  return { '~standard': { version: 1, vendor: 'hand-written', validate } }
}

const hasName = schemaOf((value) => {
  const name = (value as { name?: unknown } | null)?.name
  return typeof name === 'string'
    ? { value: { name: name.toUpperCase() } }
    : { issues: [{ message: `expected a string, got ${String(name)}`, path: ['user', { key: 'name' }] }] }
})

describe('schema', () => {
  const open: { close(): Promise<void> }[] = []
  afterEach(async () => {
    for (const cache of open.splice(0)) await cache.close()
  })
  const openCache = (options: CacheOptions = {}) => {
    const cache = createCache({ url: 'memory:', logger: false, ...options })
    open.push(cache)
    return cache
  }
  const listen = (cache: ReturnType<typeof createCache>) => {
    const events: CacheEvent[] = []
    cache.on((event) => {
      events.push(event)
    })
    return <Type extends CacheEvent['type']>(type: Type) =>
      events.filter((event): event is Extract<CacheEvent, { type: Type }> => event.type === type)
  }

  test('a hit that fits is what was stored, as a miss is what was loaded: nothing is transformed', async () => {
    const cache = openCache()
    let runs = 0
    const user = cache.cached(async () => ({ name: `ada ${++runs}` }), { key: 'user', ttl: '1m', schema: hasName })
    expect([await user(), await user()]).toEqual([{ name: 'ada 1' }, { name: 'ada 1' }])
    expect(await user.peek()).toEqual({ name: 'ada 1' })
  })

  test('what is stored and does not fit is loaded anew, and replaced', async () => {
    const cache = openCache()
    // Nobody listens: the short way of a hit must not leave the check out.
    await cache.set('user', { nick: 'secret' }, { ttl: '1m' })
    let runs = 0
    const user = cache.cached(async () => ({ name: `ada ${++runs}` }), { key: 'user', ttl: '1m', schema: hasName })
    expect(await user()).toEqual({ name: 'ada 1' })
    expect(await user()).toEqual({ name: 'ada 1' })
    expect(cache.stats()).toMatchObject({ misses: 1, hits: 1, stores: 1 })
    await cache.set('user', { nick: 'secret' }, { ttl: '1m' })
    const of = listen(cache)
    expect(await user.peek()).toBeUndefined()
    expect(await user()).toEqual({ name: 'ada 2' })
    expect(of('miss')).toMatchObject([{ reason: 'invalid' }])
    expect(of('notice')[0]).toMatchObject({
      code: 'invalid',
      message: 'what is stored for user is loaded anew: it does not fit its schema at user.name',
    })
    // Of the peek, and of the call: what is in this process is looked at before it is read, and reported once.
    expect(of('notice')).toHaveLength(2)
  })

  test('what is loaded and does not fit is passed through, and not stored', async () => {
    const cache = openCache()
    const of = listen(cache)
    let runs = 0
    const user = cache.cached(async () => ({ nick: `secret ${++runs}` }), { key: 'user', ttl: '1m', schema: hasName })
    expect([await user(), await user()]).toEqual([{ nick: 'secret 1' }, { nick: 'secret 2' }])
    expect(of('store')).toMatchObject([
      { stored: false, reason: 'invalid' },
      { stored: false, reason: 'invalid' },
    ])
    expect(JSON.stringify(of('notice'))).not.toContain('secret')
    expect(await user.set([], { nick: 'set' })).toBe(false)
  })

  test('the log says so once', async () => {
    const lines: unknown[] = []
    const log = (...line: unknown[]) => lines.push(line)
    const cache = openCache({ logger: { info: log, warn: log, error: log } })
    const user = cache.cached(async () => ({ nick: 'secret' }), { key: 'user', ttl: '1m', schema: hasName })
    for (let i = 0; i < 5; i++) await user()
    expect(lines.length).toBe(1)
    expect(JSON.stringify(lines)).toContain('was passed through and not stored')
  })

  test('a schema that answers later, or throws, checks nothing: its values are not stored, and the call goes on', async () => {
    const cache = openCache()
    const of = listen(cache)
    const later = schemaOf(async () => Promise.reject(new Error('unheard')))
    const throwing = schemaOf(() => {
      throw new Error('broken')
    })
    const one = cache.cached(async () => 1, { key: 'one', ttl: '1m', schema: later })
    const two = cache.cached(async () => 2, { key: 'two', ttl: '1m', schema: throwing })
    expect([await one(), await one(), await two()]).toEqual([1, 1, 2])
    await new Promise((resolve) => setImmediate(resolve))
    expect(new Set(of('notice').map(({ message }) => message))).toEqual(
      new Set([
        'a result of one was passed through and not stored: its schema answers with a promise, which comes too late',
        'a result of two was passed through and not stored: its schema threw',
      ]),
    )
    expect(cache.stats().stores).toBe(0)
  })

  test('a schema whose answers are none breaks no call: what it is asked about is loaded anew, and not stored', async () => {
    const cache = openCache()
    const odd: [what: string, answer: () => unknown][] = [
      ['nothing', () => undefined],
      ['null', () => null],
      ['a boolean', () => true],
      ['an issue at no path', () => ({ issues: [{ message: 'm', path: 'abc' }] })],
      ['an issue at nothing', () => ({ issues: [{ message: 'm', path: [null] }] })],
      [
        'a trap',
        () => ({
          get issues() {
            throw new Error('trap')
          },
        }),
      ],
    ]
    for (const [what, answer] of odd) {
      let runs = 0
      const schema = schemaOf(answer as never)
      const fn = cache.cached(async () => ++runs, { key: `odd:${what.replaceAll(' ', '-')}`, ttl: '1m', schema })
      expect(await fn(), what).toBe(1)
      await cache.set(fn.keyFor() as string, 0, { ttl: '1m' })
      expect(await fn.peek(), what).toBeUndefined()
      expect([await fn(), await fn()], what).toEqual([2, 3])
    }
  })

  test('who joins a load of another function of that key gets what fits its own schema and version', async () => {
    const cache = openCache()
    await cache.get('open')
    const older = cache.cached(
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        return { nick: 'ada' }
      },
      { key: 'user', ttl: '1m', version: 1 },
    )
    const next = cache.cached(async () => ({ name: 'ada' }), { key: 'user', ttl: '1m', version: 2 })
    const checked = cache.cached(async () => ({ name: 'eve' }), { key: 'user', ttl: '1m', version: 1, schema: hasName })
    const alike = cache.cached(async () => ({ nick: 'eve' }), { key: 'user', ttl: '1m', version: 1 })
    const found = await Promise.all([older(), older(), next(), checked(), alike()])
    expect(found).toEqual([{ nick: 'ada' }, { nick: 'ada' }, { name: 'ada' }, { name: 'eve' }, { nick: 'ada' }])
  })

  test('a schema may be a function with properties, as those of arktype are', async () => {
    const cache = openCache()
    const schema = Object.assign(
      () => {},
      schemaOf((value) => ({ value })),
    )
    let runs = 0
    const fn = cache.cached(async () => ++runs, { key: 'fn', ttl: '1m', schema })
    expect([await fn(), await fn()]).toEqual([1, 1])
  })

  test('what is no schema is refused', () => {
    const cache = openCache()
    for (const bad of [null, {}, () => true, { '~standard': {} }, 'string']) {
      expect(() => cache.cached(async () => 1, { key: 'x', ttl: 1, schema: bad as never })).toThrow('Standard Schema')
    }
  })
})
