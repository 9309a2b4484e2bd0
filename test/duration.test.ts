import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { milliseconds } from '../src/duration.ts'
import { CacheConfigError } from '../src/errors.ts'

const DAY = 86_400_000

describe('durations', () => {
  test.each<[string | number, number]>([
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1h30m', 5_400_000],
    ['7d', 7 * DAY],
    ['2w', 14 * DAY],
    ['1w1d1h1m1s1ms', 8 * DAY + 3_661_001],
    ['1.5h', 5_400_000],
    ['1.1h', 3_960_000],
    ['0.4ms', 1],
    ['36500d', 36_500 * DAY],
    [300, 300_000],
    [0.25, 250],
    [0.0001, 1],
    [2_592_000, 30 * DAY],
  ])('%j is %i ms', (duration, ms) => {
    expect(milliseconds(duration, 'ttl')).toBe(ms)
  })

  test('every number of every unit', () => {
    const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: DAY, w: 7 * DAY }
    const part = fc.tuple(
      fc.integer({ min: 1, max: 99 }),
      fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])),
    )
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        const text = parts.map(([amount, unit]) => `${amount}${unit}`).join('')
        expect(milliseconds(text, 'ttl')).toBe(parts.reduce((sum, [amount, unit]) => sum + amount * units[unit], 0))
      }),
    )
  })

  test.each<[unknown, string]>([
    ['', "ttl must be a duration such as '500ms'"],
    ['5', "above zero and up to 100 years, got '5'"],
    ['5 m', 'ttl must be a duration such as'],
    [' 5m', 'ttl must be a duration such as'],
    ['5M', 'ttl must be a duration such as'],
    ['5min', 'ttl must be a duration such as'],
    ['-5m', 'ttl must be a duration such as'],
    ['m', 'ttl must be a duration such as'],
    ['.5h', 'ttl must be a duration such as'],
    ['1e3s', 'ttl must be a duration such as'],
    ['5m\n', 'ttl must be a duration such as'],
    [undefined, 'up to 100 years, got undefined'],
    [null, 'up to 100 years, got null'],
    [true, 'up to 100 years, got true'],
    [5n, 'up to 100 years, got 5'],
    [Symbol('x'), 'up to 100 years, got a symbol'],
    [{}, 'ttl must be a duration such as'],
    [Object.create(null), 'ttl must be a duration such as'],
    [['5m'], 'ttl must be a duration such as'],
    ['0s', "above zero and up to 100 years, got '0s'"],
    [0, 'above zero and up to 100 years, got 0'],
    [-1, 'above zero and up to 100 years, got -1'],
    [Number.NaN, 'up to 100 years, got NaN'],
    [Number.POSITIVE_INFINITY, 'up to 100 years, got Infinity'],
    ['36501d', 'above zero and up to 100 years'],
    [`${'9'.repeat(400)}d`, 'above zero and up to 100 years'],
    [
      3_600_000,
      "ttl is 3600000 seconds, which is 42 days: write '3600000ms' if milliseconds were meant, else write '42d'",
    ],
    [2_592_001, '2592001 seconds'],
  ])('%o is refused, with what to write', (duration, message) => {
    expect(() => milliseconds(duration as string, 'ttl')).toThrow(CacheConfigError)
    expect(() => milliseconds(duration as string, 'ttl')).toThrow(message)
  })

  test('what the refusal of a bare number proposes is accepted', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2_592_001, max: 2_000_000_000 }), (seconds) => {
        let message = ''
        try {
          milliseconds(seconds, 'ttl')
        } catch (error) {
          message = (error as Error).message
        }
        const [asMs, asDays] = [...message.matchAll(/write '([^']+)'/g)].map((match) => match[1] as string)
        expect(milliseconds(asMs as string, 'ttl')).toBe(seconds)
        expect(milliseconds(asDays as string, 'ttl')).toBeGreaterThan(29 * DAY)
      }),
    )
  })

  test('a long text is refused at once', () => {
    const began = performance.now()
    expect(() => milliseconds(`${'1'.repeat(100_000)}x`, 'ttl')).toThrow(CacheConfigError)
    expect(performance.now() - began).toBeLessThan(1_000)
  })
})
