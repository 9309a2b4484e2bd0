import { describe, expect, test, vi } from 'vitest'
import { isBypassed, ttlOf as ttlOfCall } from '../src/answers.ts'
import { CacheConfigError } from '../src/errors.ts'
import { makePolicy, type RawPolicy } from '../src/policy.ts'

const fn = async (_a: unknown) => {}
const make = (raw: RawPolicy, name: string | undefined = 'load') => makePolicy(raw, fn, name, 'cached(load)')
const ttlOf = (raw: RawPolicy, result: unknown, ...args: unknown[]) =>
  ttlOfCall({ policy: make(raw), self: 'self', args }, result)

describe('a policy', () => {
  test('is frozen, with defaults', () => {
    const policy = make({ ttl: '5m' })
    expect(Object.isFrozen(policy)).toBe(true)
    expect(policy).toMatchObject({ name: 'load', version: '', tier: 'auto', bypass: undefined, serializer: undefined })
    expect(policy.plan.derive(undefined, [1])).toBe('load:1')
  })

  test.each<[string, unknown, string]>([
    ['no ttl', {}, "cached(load): ttl must be a duration such as '500ms', '30s', '5m'"],
    ['a bad ttl', { ttl: 'soon' }, "above zero and up to 100 years, got 'soon'"],
    ['a ttl in milliseconds', { ttl: 3_600_000 }, "write '3600000ms'"],
    ['a bad nullTtl', { ttl: 1, nullTtl: 0 }, 'cached(load): nullTtl must be a duration'],
    ['jitter above 1', { ttl: 1, jitter: 10 }, 'cached(load): jitter must be a number from 0 to 1, such as 0.1'],
    ['jitter below 0', { ttl: 1, jitter: -0.1 }, 'from 0 to 1'],
    ['jitter that is no number', { ttl: 1, jitter: Number.NaN }, 'from 0 to 1'],
    ['jitter as a text', { ttl: 1, jitter: '10%' }, 'from 0 to 1'],
    ['another tier', { ttl: 1, tier: 'disk' }, "tier must be 'auto' or 'redis' or 'memory', got 'disk'"],
    [
      'a bad version',
      { ttl: 1, version: 'a b' },
      "version must be a number or a word of letters, digits and . _ -, got 'a b'",
    ],
    ['a long version', { ttl: 1, version: 'x'.repeat(65) }, 'version must be'],
    ['an endless version', { ttl: 1, version: Infinity }, 'version must be'],
    ['an empty version', { ttl: 1, version: '' }, 'version must be'],
    ['a version without a prototype', { ttl: 1, version: Object.create(null) }, 'version must be'],
    ['a bypass that is no function', { ttl: 1, bypass: true }, 'bypass must be a function, got true'],
    ['a cacheIf that is no function', { ttl: 1, cacheIf: 'ok' }, "cacheIf must be a function, got 'ok'"],
    ['a key that is a list', { ttl: 1, key: ['a'] }, 'key must be a string or a function, got an array'],
    ['a key that is a number', { ttl: 1, key: 5 }, 'key must be a string or a function, got 5'],
    ['half a serializer', { ttl: 1, serializer: { serialize() {} } }, 'serializer needs two functions'],
    ['compression in a word', { ttl: 1, compress: 'gzip' }, "write compress: { above: 10_240, algorithm: 'gzip' }"],
    ['compression by nothing', { ttl: 1, compress: null }, 'compress takes an object of options'],
    ['a serializer that is null', { ttl: 1, serializer: null }, 'serializer needs two functions'],
    ['an unknown option', { ttl: 1, cool: 1 }, "cached(load) has no option 'cool'; it has key, ttl, jitter, nullTtl"],
    ['another case', { TTL: 1 }, "has no option 'TTL': did you mean 'ttl'?"],
    ['an underscore', { ttl: 1, null_ttl: 1 }, "did you mean 'nullTtl'?"],
    ['a hyphen', { ttl: 1, 'cache-if': 1 }, "did you mean 'cacheIf'?"],
  ])('%s is refused, with what to write', (_, raw, message) => {
    expect(() => make(raw as RawPolicy)).toThrow(CacheConfigError)
    expect(() => make(raw as RawPolicy)).toThrow(message)
  })

  test('has no use for a duration that is false: what the defaults say is not so', () => {
    const names = ['nullTtl', 'staleWhileRevalidate', 'staleIfError', 'softTimeout', 'hardTimeout', 'errorTtl'] as const
    const none = make({ ttl: 1, ...Object.fromEntries(names.map((name) => [name, false])) })
    const said = { ...Object.fromEntries(names.map((name) => [name, '5s'])), hardTimeout: '6s' }
    for (const policy of [none, none.withDefaults(said)]) {
      expect(policy).toMatchObject({ revalidateMs: 0, ifErrorMs: 0, keepStaleMs: 0, ttl: { nullMs: undefined } })
      expect([policy.softTimeoutMs, policy.hardTimeoutMs, policy.errorMs]).toEqual([undefined, undefined, undefined])
    }
    expect(make({ ttl: 1 }).withDefaults(said)).toMatchObject({
      softTimeoutMs: 5_000,
      hardTimeoutMs: 6_000,
      errorMs: 5_000,
    })
    expect(() => make({ ttl: false })).toThrow('ttl must be a duration')
  })

  test('needs a key where there is no name', () => {
    expect(() => makePolicy({ ttl: 1 }, fn, undefined, 'cached()')).toThrow("write one, as in key: 'user:{0.id}'")
    expect(makePolicy({ ttl: 1, key: () => 'a' }, fn, undefined, 'cached()').name).toBe('key function')
  })

  test('takes numbers and words for a version', () => {
    expect([make({ ttl: 1, version: 2 }).version, make({ ttl: 1, version: 'v1.2-b_c' }).version]).toEqual([
      '2',
      'v1.2-b_c',
    ])
  })
})

describe('how long a result is kept', () => {
  test('is the ttl, or what it returns for this result', () => {
    expect(ttlOf({ ttl: '5m' }, 1)).toBe(300_000)
    const ttl = vi.fn(function (this: unknown, result: number, arg: number) {
      return result + arg
    })
    expect(ttlOf({ ttl }, 2, 3)).toBe(5_000)
    expect(ttl.mock.contexts[0]).toBe('self')
    expect(() => ttlOf({ ttl: () => 'never' }, 1)).toThrow('what ttl returned must be a duration')
  })

  test('0, false and the empty string are values, undefined is not, null only with nullTtl', () => {
    for (const value of [0, false, '', [], Number.NaN]) expect(ttlOf({ ttl: 1 }, value)).toBe(1_000)
    expect(ttlOf({ ttl: 1, nullTtl: 5 }, undefined)).toBeUndefined()
    expect(ttlOf({ ttl: 1 }, null)).toBeUndefined()
    expect(ttlOf({ ttl: 1, nullTtl: 5 }, null)).toBe(5_000)
    expect(ttlOf({ ttl: () => 1 }, null)).toBeUndefined()
  })

  test('is nothing where cacheIf says no', () => {
    const raw = { ttl: 1, nullTtl: 1, cacheIf: (result: unknown, arg: unknown) => result === arg }
    expect([ttlOf(raw, 1, 1), ttlOf(raw, 1, 2), ttlOf(raw, null, null)]).toEqual([1_000, undefined, 1_000])
  })

  test('is shortened by at most the jitter, and never to nothing', () => {
    const seen = Array.from({ length: 2_000 }, () => ttlOf({ ttl: 100, jitter: 0.2 }, 1) as number)
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(80_000)
    expect(Math.max(...seen)).toBeLessThanOrEqual(100_000)
    expect(Math.max(...seen) - Math.min(...seen)).toBeGreaterThan(10_000)
    for (let i = 0; i < 1_000; i++) expect(ttlOf({ ttl: '1ms', jitter: 1 }, 1)).toBe(1)
  })
})

describe('bypass', () => {
  test('gets this and the arguments', () => {
    const policy = make({
      ttl: 1,
      bypass(this: unknown, arg: unknown) {
        return this === 'self' && arg === 1
      },
    })
    expect([1, 2].map((arg) => isBypassed({ policy, self: 'self', args: [arg] }))).toEqual([true, false])
  })
})
