import { expect, test } from 'vitest'
import type { Score } from './contest.ts'
import { atLeast, atMost, cellsOf, numberRow, perSecond, quartiles, ratioRow } from './row.ts'

const score: Score = {
  ...{ name: 'ours', callers: 1, absent: undefined },
  ...{ ratios: [0.5, 0.7, 0.6], cpuRatios: [0.61, 0.62, 0.63] },
  ...{ rates: [500_000, 700_000, 600_000], baselineRates: [1e6, 1e6, 1e6] },
}

test('a ratio is the median of its rounds, judged by its target', () => {
  const row = ratioRow('a hit', score, atLeast(0.6))
  expect(cellsOf(row)).toEqual(['a hit', '0.60 x', '0.60 - 0.70', '0.62 x', '600.0 k/s', '>= 0.6 x', 'kept'])
  expect(ratioRow('a hit', score, atLeast(0.61)).verdict).toBe('missed')
  expect(ratioRow('a hit', score).verdict).toBe('')
})

test('what is not there yet is left out, whatever its target', () => {
  expect(ratioRow('a hit', { ...score, absent: 'no such option' }, atLeast(0.6)).verdict).toBe('left out')
})

test('where less is better, more is missed', () => {
  expect(numberRow('import', [4, 6, 5], 'ms', atMost(5)).verdict).toBe('kept')
  expect(numberRow('import', [4, 6, 5.1], 'ms', atMost(5)).verdict).toBe('missed')
})

test('numbers are written as people read them', () => {
  expect([perSecond(1_234_567), perSecond(12_345), perSecond(123.4)]).toEqual(['1.23 M/s', '12.3 k/s', '123 /s'])
  expect(quartiles([1, 2, 3, 4, 5])).toBe('2.00 - 4.00')
})
