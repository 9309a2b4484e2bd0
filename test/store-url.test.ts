import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CacheConfigError } from '../src/errors.ts'
import { parseStoreUrl } from '../src/store-url.ts'

describe('the URL of a store', () => {
  test.each([
    'redis://localhost',
    'redis://localhost:6379',
    'redis://localhost:6379/',
    'redis://localhost:6379/3',
    'redis://:p%40ss@host:1/0',
    'rediss://user:pass@host.example.com:6380/0?family=6',
    'REDIS://host',
    'redis://[::1]:6379',
  ])('%s is Redis', (url) => {
    expect(parseStoreUrl(url, 'url')).toEqual({ store: 'redis', url })
  })

  test.each([
    ['memory:', 'memory'],
    ['memory://', 'memory'],
    ['null:', 'null'],
    ['NULL:', 'null'],
  ])('%s is %s', (url, store) => {
    expect(parseStoreUrl(url, 'url')).toEqual({ store })
  })

  test.each<[string, object]>([
    ['redis+cluster://a', { store: 'cluster', hosts: [{ host: 'a', port: 6379 }], credentials: {} }],
    [
      'rediss+cluster://user:p%40ss@a:1,[::1]:2/',
      {
        store: 'cluster',
        hosts: [
          { host: 'a', port: 1 },
          { host: '::1', port: 2 },
        ],
        credentials: { username: 'user', password: 'p@ss', tls: {} },
      },
    ],
    [
      'redis+sentinel://a,b:2/mymaster',
      {
        store: 'sentinel',
        hosts: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 2 },
        ],
        name: 'mymaster',
        db: 0,
        credentials: {},
      },
    ],
    [
      'rediss+sentinel://:pw@a/my-master.1/3',
      {
        store: 'sentinel',
        hosts: [{ host: 'a', port: 26379 }],
        name: 'my-master.1',
        db: 3,
        credentials: { password: 'pw', tls: {} },
      },
    ],
  ])('%s names several servers', (url, expected) => {
    expect(parseStoreUrl(url, 'url')).toEqual(expected)
  })

  test.each([
    ['localhost', "CACHE_URL has no scheme: write 'redis://host:6379'"],
    ['localhost:6379', 'CACHE_URL has no scheme'],
    ['//localhost', 'CACHE_URL has no scheme'],
    [' redis://x', 'CACHE_URL has no scheme'],
    ['http://localhost', "CACHE_URL has the unknown scheme 'http:'"],
    ['redis+unix://a,b', "the unknown scheme 'redis+unix:'"],
    ['memcached://x', "the unknown scheme 'memcached:'"],
    ['redis://', 'CACHE_URL names no host'],
    ['redis:///var/run/redis.sock', 'CACHE_URL names no host'],
    ['redis://host/cache', "write 'redis://host:6379/0'"],
    ['redis://host:port', 'CACHE_URL is not a valid URL'],
    ['redis://:sup@rsecret#more@host', 'special characters in a password must be percent-encoded'],
    ['redis+cluster://:a@b#c@h:1', 'special characters in a password must be percent-encoded'],
    [
      'redis://host?connectTimeout=10000',
      "has a query: give options of ioredis by a client, as in client: new Redis('redis://…', { … })",
    ],
    ['redis://host/0?keyPrefix=abc:', 'has a query'],
    ['rediss://host?family=6&db=2', 'has a query'],
    ['redis://:pa#ss@host', 'special characters in a password must be percent-encoded'],
  ])('%s is refused', (url, message) => {
    expect(() => parseStoreUrl(url, 'CACHE_URL')).toThrow(CacheConfigError)
    expect(() => parseStoreUrl(url, 'CACHE_URL')).toThrow(message)
  })

  test('no message repeats a password, wherever the mistake is', () => {
    const password = 'hunter2'
    const shapes = fc.constantFrom(
      (a: string, b: string) => `${a}${password}${b}`,
      (a: string, b: string) => `${password}:${a}@${b}`,
      (a: string, b: string) => `redis:${password}@${a}${b}`,
      (a: string, b: string) => `redis://:${password}${a}@${b}`,
      (a: string, b: string) => `redis://${a}:${password}@${b}`,
      (a: string, b: string) => `http://u:${password}@${a}/${b}`,
      (a: string, b: string) => `redis://host/${a}${password}${b}`,
    )
    const piece = fc.oneof(
      fc.constantFrom('', ':', '/', '@', '#', '?', '%', ' ', '[', '//'),
      fc.string({ maxLength: 3 }),
    )
    fc.assert(
      fc.property(shapes, piece, piece, (shape, a, b) => {
        try {
          parseStoreUrl(shape(a, b), 'url')
        } catch (error) {
          // A scheme of its own is no place for a password.
          if (/^[a-z0-9+.-]*hunter2[a-z0-9+.-]*:(\/\/|$)/i.test(shape(a, b))) return
          expect(error).toBeInstanceOf(CacheConfigError)
          expect(String((error as Error).stack)).not.toContain(password)
          expect((error as Error).cause).toBeUndefined()
        }
      }),
      { numRuns: 3_000 },
    )
  })
})
