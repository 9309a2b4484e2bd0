import { inspect } from 'node:util'
import { type CacheOptions, createCache } from 'cachewell'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { likelyPort } from '../support/likely-port.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { counting, openCache } from './open-cache.ts'

const PLAIN = 's3cret-plain'
const ODD = 's3cret/with @odd:chars%'
const ENCODED = encodeURIComponent(ODD)

/** All that can be seen of events and errors: what hides behind getters and causes, too. */
const show = (value: unknown) => inspect(value, { depth: 12, showHidden: true, getters: true, maxStringLength: null })

describeRedis('a password', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start({ password: 'right' })
  })
  afterAll(() => server[Symbol.asyncDispose]())

  async function everythingSaid(options: CacheOptions): Promise<string> {
    const said: unknown[] = []
    const logger = Object.fromEntries(
      ['info', 'warn', 'error'].map((level) => [level, (...args: unknown[]) => said.push(args)]),
    )
    const onConsole = ['log', 'info', 'warn', 'error', 'debug'].map((method) =>
      vi.spyOn(console, method as 'log').mockImplementation((...args) => void said.push(args)),
    )
    const { cache, events } = openCache({ ...options, logger: logger as never })
    const call = cache.cached(counting(), { key: 'k', ttl: 60 })
    expect([await call(), await call()]).toEqual([1, 2])
    await cache.set('k', 1, { ttl: 60 })
    await cache.invalidate('*')
    await until(() => events.length >= 4)
    await cache.close()
    for (const spy of onConsole) spy.mockRestore()
    return show([said, events, cache.stats()])
  }

  const places = [
    ['refused', (userinfo: string) => `redis://${userinfo}@127.0.0.1:${likelyPort()}`],
    ['unknown host', (userinfo: string) => `redis://${userinfo}@no-such-host.invalid:6379`],
    ['wrong password', (userinfo: string) => `redis://${userinfo}@127.0.0.1:${server.port}`],
    ['no TLS there', (userinfo: string) => `rediss://${userinfo}@127.0.0.1:${server.port}`],
  ] as const
  const passwords = [
    ['plain', PLAIN],
    ['percent-encoded', ENCODED],
    ['with a user', `:${PLAIN}`.slice(1)],
  ] as const

  test.each(
    places.flatMap(([place, urlOf]) => passwords.map(([kind, password]) => [place, kind, password, urlOf] as const)),
  )('is not shown: %s, %s', async (_place, kind, password, urlOf) => {
    const url = urlOf(`${kind === 'with a user' ? 'somebody' : ''}:${password}`)
    for (const options of [{ url }, { url: () => url }, { client: new Redis(url, { lazyConnect: true }) }]) {
      const said = await everythingSaid(options)
      // Something was said at all.
      expect(said).toMatch(/cannot reach Redis|went on without/)
      expect(said).not.toContain('s3cret')
      expect(said).not.toContain(decodeURIComponent(password))
    }
  })

  test.each([
    `redis://:${PLAIN}@`,
    `redis://:${PLAIN}@host/database`,
    `redis://:${PLAIN}#fragment@host`,
    `redis://:${PLAIN}@host:99999`,
    `http://:${PLAIN}@host`,
    `:${PLAIN}@host`,
    `redis+cluster://:${PLAIN}@a,`,
    `redis+cluster://:${PLAIN}%zz@a`,
    `redis+sentinel://:${PLAIN}@a,b`,
    `redis://:${PLAIN}%zz@host:port`,
  ])('is not shown when the URL is bad: %s', async (url) => {
    const thrown = (() => {
      try {
        createCache({ url })
      } catch (error) {
        return error
      }
    })()
    expect(thrown).toBeInstanceOf(Error)
    expect(show(thrown)).not.toContain('s3cret')
    const said = await everythingSaid({ url: () => url })
    expect(said).not.toContain('s3cret')
  })

  test.each([
    ['what looks like options', { url: `redis://:${PLAIN}@host`, urll: PLAIN }],
    ['a URL in place of options', `redis://:${PLAIN}@host`],
    ['a URL as a client', { client: `redis://:${PLAIN}@host` }],
    ['a URL as a prefix', { url: 'memory:', memory: `redis://:${PLAIN}@host` }],
  ])('is not shown by the refusal of %s', (_what, options) => {
    expect(() => createCache(options as CacheOptions)).toThrow()
    try {
      createCache(options as CacheOptions)
    } catch (error) {
      expect(show(error)).not.toContain('s3cret')
    }
  })

  test('nor are keys and values of calls in what is logged', async () => {
    const lines: string[] = []
    const log = (...args: unknown[]) => void lines.push(show(args))
    const { cache } = openCache({
      url: server.url.replace('right', 'wrong'),
      logger: { info: log, warn: log, error: log },
    })
    const call = cache.cached(async (email: string) => ({ email, pin: 'value-4711' }), { key: 'user', ttl: 60 })
    await call('person@example.com')
    await cache.set(['direct', 'person@example.com'], 'value-4711', { ttl: 60 })
    await cache.get(['direct', 'person@example.com'])
    await cache.invalidate(['user', 'person@example.com'])
    await until(() => lines.length > 1)
    expect(lines.join('\n')).not.toMatch(/person|example|4711/)
  })
})
