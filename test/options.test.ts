import * as zlib from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { configureCache } from '../src/configure.ts'
import { CacheConfigError } from '../src/errors.ts'
import { type CacheOptions, resolveOptions } from '../src/options.ts'

const resolve = (options: unknown = {}, env: Record<string, string | undefined> = {}) =>
  resolveOptions(options as CacheOptions, env)

const client = { duplicate: () => {}, defineCommand: () => {} }
const circular: { self?: unknown } = {}
circular.self = circular

describe('the options of a cache', () => {
  test('have the defaults that the docs name', () => {
    const options = resolve()
    expect(options).toMatchObject({
      url: undefined,
      client: undefined,
      prefix: 'cachewell',
      prefixIsDefault: true,
      memory: { maxItems: 10_000, maxBytes: 64 * 1024 * 1024, isolation: 'clone' },
      commandTimeoutMs: 250,
      connectTimeoutMs: 2_000,
      maxValueBytes: 1024 * 1024,
      serializer: undefined,
      compression: undefined,
      logger: console,
    })
    expect(Object.isFrozen(options)).toBe(true)
  })

  test('take the prefix from the option, else from the environment', () => {
    const env = { CACHE_PREFIX: 'env' }
    expect(resolve({ prefix: 'shop' }, env)).toMatchObject({ prefix: 'shop', prefixIsDefault: false })
    expect(resolve({}, env)).toMatchObject({ prefix: 'env', prefixIsDefault: false })
    expect(resolve({}, { CACHE_PREFIX: '' })).toMatchObject({ prefix: 'cachewell', prefixIsDefault: true })
    expect(resolve({ prefix: '' }, env)).toMatchObject({ prefix: 'env', prefixIsDefault: false })
    for (const prefix of [0, Number.NaN, false] as never[]) {
      expect(() => resolve({ prefix }, env)).toThrow(`prefix ${prefix} cannot stand in a key`)
    }
    expect(resolve({ prefix: 'shop:prod:' })).toMatchObject({ prefix: 'shop:prod' })
    expect(() => resolve({}, { CACHE_PREFIX: 'a*' })).toThrow("prefix 'a*' cannot stand in a key")
  })

  test.each([
    'a b',
    'a*',
    'a?',
    '[a]',
    'a\\',
    'a::b',
    ':a',
    ':',
    'a\n',
    '{a}',
    'é',
    'a^',
    'a%',
    'x'.repeat(101),
    5,
    5n,
    circular,
    [],
    null,
  ])('the prefix %o is refused, or nothing', (prefix) => {
    if (prefix === null) expect(resolve({ prefix }).prefix).toBe('cachewell')
    else expect(() => resolve({ prefix })).toThrow('cannot stand in a key: use letters, digits and _ . / @ + - $')
  })

  test.each(['shop', 'shop:prod', 'a.b/c@d+e-f$g_h', 'x'.repeat(100)])('the prefix %s is fine', (prefix) => {
    expect(resolve({ prefix }).prefix).toBe(prefix)
  })

  test('what is wrong is said of what it was given to', () => {
    expect(() => configureCache({ ttl: 5 } as never)).toThrow("configureCache has no option 'ttl'")
    expect(() => configureCache([] as never)).toThrow("write configureCache({ url: 'redis://host:6379' })")
  })

  test.each<[string, unknown, string]>([
    ['an unknown option', { ttl: 5 }, "createCache has no option 'ttl'; it has url, client, prefix"],
    ['another case', { commandtimeout: 5 }, "did you mean 'commandTimeout'?"],
    ['an unknown option of memory', { memory: { max: 5 } }, "createCache: memory has no option 'max'; it has maxItems"],
    ['a near miss of memory', { memory: { max_items: 5 } }, "did you mean 'maxItems'?"],
    ['url and client', { url: 'memory:', client }, 'url and client contradict each other: give one of them'],
    ['a url that is a number', { url: 5 }, 'url must be a string or a function'],
    ['a url that is null', { url: null }, 'url must be a string or a function'],
    ['a url of another kind', { url: 'http://x' }, "url has the unknown scheme 'http:'"],
    ['a client that is none', { client: {} }, "write client: new Redis('redis://…')"],
    ['a client with a prefix', { client: { ...client, options: { keyPrefix: 'a:' } } }, "has the keyPrefix 'a:'"],
    ['no items', { memory: { maxItems: 0 } }, 'memory.maxItems must be a whole number above zero, got 0'],
    ['half an item', { memory: { maxItems: 1.5 } }, 'memory.maxItems must be a whole number'],
    [
      'bytes in words',
      { memory: { maxBytes: '64MB' } },
      "memory.maxBytes must be a whole number above zero, got '64MB'",
    ],
    ['endless bytes', { memory: { maxBytes: Infinity } }, 'memory.maxBytes must be a whole number'],
    ['another isolation', { memory: { isolation: 'none' } }, "must be 'clone' or 'freeze' or 'share', got 'none'"],
    ['a bad size', { maxValueBytes: -1 }, 'maxValueBytes must be a whole number'],
    ['a bad time', { commandTimeout: 'soon' }, "commandTimeout must be a duration such as '500ms'"],
    ['no time', { connectTimeout: 0 }, 'createCache: connectTimeout must be a duration'],
    ['a logger without error', { logger: { info() {}, warn() {} } }, 'logger needs info, warn and error'],
    ['a logger that is true', { logger: true }, 'or write logger: false'],
    ['a logger that is null', { logger: null }, 'or write logger: false'],
    ['half a serializer', { serializer: { serialize() {} } }, 'createCache: serializer needs two functions'],
    [
      'compression in a word',
      { compression: 'gzip' },
      "write compression: { above: 10_240, algorithm: 'gzip' }, or true or false",
    ],
    ['compression as a list', { compression: ['gzip'] }, 'compression takes an object of options'],
    ['compression as null', { compression: null }, 'compression takes an object of options'],
    ['an unknown option of compression', { compression: { min: 5 } }, "compression has no option 'min'; it has above"],
    ['another algorithm', { compression: { algorithm: 'lz4' } }, "must be 'gzip' or 'brotli' or 'zstd', got 'lz4'"],
    [
      'half a byte',
      { compression: { above: 0.5 } },
      'compression.above must be a whole number of bytes such as 10_240',
    ],
    ['bytes below zero', { compression: { above: -1 } }, 'compression.above must be a whole number of bytes'],
    ['bytes of text', { compression: { above: '10kB' } }, 'compression.above must be a whole number of bytes'],
    ['no level', { compression: { level: 0 } }, 'compression.level must be a whole number from 1 to 9 for gzip, got 0'],
    ['a high level', { compression: { level: 10 } }, 'compression.level must be a whole number from 1 to 9 for gzip'],
    ['a level of brotli', { compression: { algorithm: 'brotli', level: 12 } }, 'from 0 to 11 for brotli, got 12'],
    ['a level in words', { compression: { level: 'best' } }, "from 1 to 9 for gzip, got 'best'"],
    [
      'a text',
      'redis://:hunter2@host',
      "createCache takes an object of options: write createCache({ url: 'redis://host:6379' })",
    ],
    ['null', null, 'createCache takes an object of options'],
    ['a list', ['memory:'], 'createCache takes an object of options'],
    ['half a clock', { clock: { now() {} } }, 'clock needs now, wall, setTimeout, clearTimeout, setImmediate'],
    ['a clock that is null', { clock: null }, 'clock needs now, wall'],
    ['memory as a number', { memory: 5 }, 'createCache: memory takes an object of options'],
    ['memory as null', { memory: null }, 'createCache: memory takes an object of options'],
  ])('%s is refused, with what to write', (_, options, message) => {
    expect(() => resolve(options)).toThrow(CacheConfigError)
    expect(() => resolve(options)).toThrow(message)
  })

  test.each<[string, unknown, unknown]>([
    ['true', true, { above: 10_240, algorithm: 'gzip', level: 1 }],
    ['false', false, undefined],
    ['no details', {}, { above: 10_240, algorithm: 'gzip', level: 1 }],
    ['a size', { above: 0 }, { above: 0, algorithm: 'gzip', level: 1 }],
    ['brotli', { algorithm: 'brotli' }, { above: 10_240, algorithm: 'brotli', level: 4 }],
    ['the least of brotli', { algorithm: 'brotli', level: 0 }, { above: 10_240, algorithm: 'brotli', level: 0 }],
    ['all', { above: 1, algorithm: 'gzip', level: 9 }, { above: 1, algorithm: 'gzip', level: 9 }],
  ])('compression can be %s', (_, compression, expected) => {
    expect(resolve({ compression }).compression).toEqual(expected)
  })

  test('zstd is refused where this version of Node has none, and named where it has', () => {
    const zstd = () => resolve({ compression: { algorithm: 'zstd' } })
    if ('zstdCompress' in zlib) expect(zstd().compression).toMatchObject({ algorithm: 'zstd', level: 1 })
    else expect(zstd).toThrow(`zstd needs Node 22.15 or 23.8, this is ${process.version}: write 'brotli'`)
  })

  test('no message repeats a password', () => {
    const url = 'redis://:hunter2@host'
    for (const options of [
      url,
      [url],
      { url: 'redis://:hunter2@' },
      { url: 'http://:hunter2@host' },
      { url, client },
    ]) {
      expect(() => resolve(options)).toThrow(CacheConfigError)
      expect(() => resolve(options)).not.toThrow('hunter2')
    }
  })

  test('a url may be empty or a function, which is not called yet', () => {
    const url = () => {
      throw new Error('not yet')
    }
    expect(resolve({ url }).url).toBe(url)
    expect(resolve({ url: '' }).url).toBe('')
  })
})
