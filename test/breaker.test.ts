import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Breaker, type BreakerRules } from '../src/breaker.ts'

const RULES: BreakerRules = { failuresInARow: 3, failureRate: 0.5, probeAfterMs: 250, probeAtMostMs: 1_500 }

/** Whether the last of these outcomes (true for a success) was one failure too many. */
function opensAfter(outcomes: readonly boolean[], rules = RULES): boolean {
  const breaker = new Breaker(rules)
  let opens = false
  for (const good of outcomes) {
    opens = !good && breaker.failed()
    if (good) breaker.succeeded()
  }
  return opens
}

const bad = (count: number) => Array<boolean>(count).fill(false)

describe('a circuit breaker', () => {
  test('opens after three failures in a row, and not when one in between was a success', () => {
    expect(opensAfter(bad(2))).toBe(false)
    expect(opensAfter(bad(3))).toBe(true)
    expect(opensAfter([...bad(2), true, ...bad(2)])).toBe(false)
  })

  test('opens when half of the last twenty have failed, and not before there were twenty', () => {
    const half = Array.from({ length: 20 }, (_, i) => i % 2 === 0)
    expect(opensAfter(half)).toBe(true)
    expect(opensAfter(half.slice(1, 19))).toBe(false)
  })

  test('does what a plain list of the last outcomes would do', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), (outcomes) => {
        const last = outcomes.slice(-20)
        const failures = last.filter((ok) => !ok).length
        const inARow = outcomes.length - 1 - outcomes.lastIndexOf(true)
        const expected = !outcomes.at(-1) && (inARow >= 3 || (last.length === 20 && failures >= 10))
        expect(opensAfter(outcomes)).toBe(expected)
      }),
    )
  })

  test('is open, half-open while it is probed, and closed again, with nothing held against it', () => {
    const breaker = new Breaker(RULES)
    expect(breaker.state).toBe('closed')
    for (let i = 0; i < 3; i++) breaker.failed()
    breaker.open()
    expect(breaker.state).toBe('open')
    breaker.probe()
    expect(breaker.state).toBe('half-open')
    breaker.close()
    expect(breaker.state).toBe('closed')
    expect(breaker.failed()).toBe(false)
  })

  test('waits longer after each probe that fails, up to a limit, spread over half of that time', () => {
    const waits = (random: number) => {
      const breaker = new Breaker(RULES, () => random)
      return Array.from({ length: 6 }, () => breaker.open())
    }
    expect(waits(1)).toEqual([250, 500, 1_000, 1_500, 1_500, 1_500])
    expect(waits(0)).toEqual([125, 250, 500, 750, 750, 750])
  })

  test('begins anew with the waits when it has gone well for twenty commands, and not before', () => {
    const breaker = new Breaker(RULES, () => 1)
    expect([breaker.open(), breaker.open()]).toEqual([250, 500])
    breaker.close()
    for (let i = 0; i < 19; i++) breaker.succeeded()
    expect(breaker.open()).toBe(1_000)
    breaker.close()
    for (let i = 0; i < 20; i++) breaker.succeeded()
    expect(breaker.open()).toBe(250)
  })
})
