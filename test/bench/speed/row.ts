import { median } from '../table.ts'
import type { Score } from './contest.ts'

/** A line of the result. */
export interface Row {
  readonly what: string
  /** As it is measured, with its unit. */
  readonly measured: string
  /** The quarters of all rounds between which the middle half lies. */
  readonly quartiles: string
  /** The same measure by CPU time, where it makes sense. */
  readonly byCpu: string
  /** What it comes to in hits per second, or in ms. */
  readonly absolute: string
  readonly target: string
  /** Empty where there is no target. */
  readonly verdict: '' | 'kept' | 'missed' | 'left out'
}

export interface Target {
  readonly atLeast?: number
  readonly atMost?: number
  /** As it is written. */
  readonly text: string
}

export const atLeast = (bound: number, unit = 'x'): Target => ({ atLeast: bound, text: `>= ${bound} ${unit}` })
export const atMost = (bound: number, unit = 'x'): Target => ({ atMost: bound, text: `<= ${bound} ${unit}` })

export function verdictOn(value: number, target: Target | undefined): Row['verdict'] {
  if (target === undefined) return ''
  const { atLeast: least = Number.NEGATIVE_INFINITY, atMost: most = Number.POSITIVE_INFINITY } = target
  return value >= least && value <= most ? 'kept' : 'missed'
}

/** How many times the baseline's rate. */
export function ratioRow(what: string, score: Score, target?: Target): Row {
  if (score.absent !== undefined) return leftOut(what, target)
  const ratio = median(score.ratios)
  return {
    what,
    measured: `${figure(ratio)} x`,
    quartiles: quartiles(score.ratios),
    byCpu: `${figure(median(score.cpuRatios))} x`,
    absolute: perSecond(median(score.rates)),
    target: target?.text ?? '',
    verdict: verdictOn(ratio, target),
  }
}

/** The baseline itself, as it did against all others. */
export const baselineRow = (what: string, scores: readonly Score[]): Row => ({
  ...plainRow(what, '1 x'),
  absolute: perSecond(median(scores.flatMap(({ baselineRates }) => baselineRates))),
})

/** A number with a unit, of which there may have been several. */
export const numberRow = (what: string, values: readonly number[], unit: string, target?: Target): Row => ({
  ...plainRow(what, `${figure(median(values))} ${unit}`),
  quartiles: values.length > 3 ? quartiles(values) : '',
  target: target?.text ?? '',
  verdict: verdictOn(median(values), target),
})

/** What it needs is not there yet. */
export const leftOut = (what: string, target?: Target): Row => ({
  ...plainRow(what, ''),
  target: target?.text ?? '',
  verdict: 'left out',
})

export const plainRow = (what: string, measured: string): Row => ({
  ...{ what, measured, quartiles: '', byCpu: '', absolute: '', target: '', verdict: '' },
})

export function quartiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN
  return `${figure(at(0.25))} - ${figure(at(0.75))}`
}

export function perSecond(rate: number): string {
  if (rate >= 1e6) return `${(rate / 1e6).toFixed(2)} M/s`
  return rate >= 1e3 ? `${(rate / 1e3).toFixed(1)} k/s` : `${rate.toFixed(0)} /s`
}

/** Three digits, and all those before the point. */
export function figure(value: number): string {
  const size = Math.abs(value)
  if (size >= 100) return value.toFixed(0)
  if (size >= 10) return value.toFixed(1)
  return value.toFixed(size >= 0.1 || size === 0 ? 2 : 3)
}

export const HEADS = ['', 'measured', 'quartiles', 'by CPU time', 'absolute', 'target', ''] as const

export const cellsOf = (row: Row): string[] => [
  ...[row.what, row.measured, row.quartiles, row.byCpu, row.absolute, row.target, row.verdict],
]
