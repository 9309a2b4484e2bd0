import { median, table } from '../table.ts'
import type { OneCall } from './member.ts'
import { SLOW } from './outages.ts'
import { CALL_LIMIT_MS, RECOVERY_LIMIT_MS } from './settings.ts'
import type { Entry, Trial } from './trial.ts'

/** In ms, over the function's own time. Infinite where a call did not come back. */
interface Cost {
  readonly calls: number
  readonly median: number
  readonly worst: number
}

/** What all trials of one entry came to. */
export interface Summary {
  readonly entry: Entry
  /** With a Redis that was well. */
  readonly before: Cost
  readonly all: Cost
  readonly distinct: Cost
  readonly repeated: Cost
  /** Of cachewell: until its breaker had opened, and from there on. All are the former where it did not. */
  readonly untilOpen: Cost
  readonly afterOpen: Cost
  readonly opened: boolean
  /** The slowest recovery; infinite where there was none in time, undefined where none was waited for. */
  readonly recoveryMs: number | undefined
  readonly onceBack: Cost
  readonly failed: number
  readonly uncaught: readonly string[]
  readonly errors: readonly string[]
}

export const BARS = {
  /** Median after the breaker has opened. */
  openMs: 1,
  /** Worst call of all: this over the commandTimeout. */
  slackMs: 50,
  recoveryMs: 2_000,
} as const
const COMMAND_TIMEOUT_MS = 250

const timeoutOf = ({ commandTimeout }: Entry): number =>
  commandTimeout === undefined ? COMMAND_TIMEOUT_MS : Number.parseFloat(commandTimeout)

export function summarise(entry: Entry, trials: readonly Trial[]): Summary {
  const ofTrials = (calls: (trial: Trial) => readonly OneCall[] | undefined) =>
    trials.flatMap((trial) => calls(trial) ?? [])
  const met = ofTrials(({ outage }) => outage?.calls)
  const since = ofTrials(({ recovery }) => recovery?.calls)
  const opened = (trial: Trial) => trial.outage?.openedAt ?? Number.POSITIVE_INFINITY
  const recoveries = trials.flatMap(({ recovery }) => recovery ?? [])
  return {
    entry,
    before: costOf(ofTrials(({ outage }) => outage?.before)),
    all: costOf(met),
    distinct: costOf(met.filter(({ repeated }) => !repeated)),
    repeated: costOf(met.filter(({ repeated }) => repeated)),
    untilOpen: costOf(ofTrials((trial) => trial.outage?.calls.filter(({ beganAt }) => beganAt < opened(trial)))),
    afterOpen: costOf(ofTrials((trial) => trial.outage?.calls.filter(({ beganAt }) => beganAt >= opened(trial)))),
    opened: trials.every(({ outage }) => outage?.openedAt !== undefined),
    recoveryMs: recoveries.length === 0 ? undefined : Math.max(...recoveries.map(({ afterMs = Infinity }) => afterMs)),
    onceBack: costOf(since),
    failed: [...met, ...since].filter(({ outcome }) => outcome === 'failed').length,
    uncaught: trials.flatMap(({ uncaught }) => uncaught),
    errors: trials.flatMap(({ error }) => error ?? []),
  }
}

function costOf(calls: readonly OneCall[]): Cost {
  const costs = calls.map(({ costMs, outcome }) => (outcome === 'late' ? Number.POSITIVE_INFINITY : costMs))
  return { calls: costs.length, median: median(costs), worst: Math.max(...costs) }
}

/** What cachewell promises and has not kept, a line each. */
export function brokenPromises(summary: Summary): string[] {
  const { entry, all, afterOpen, onceBack, opened, recoveryMs, failed, uncaught, errors } = summary
  if (errors.length > 0) return [...errors]
  const broken: string[] = []
  const worst = Math.max(all.worst, onceBack.worst)
  const limit = timeoutOf(entry) + BARS.slackMs
  // Slow, but within the timeout: that is not for the breaker.
  if (!opened && isTooSlow(entry)) broken.push('the breaker did not open')
  if (opened && !(afterOpen.median < BARS.openMs)) {
    broken.push(`${cost(afterOpen.median)} ms in the median after the breaker has opened, not below ${BARS.openMs}`)
  }
  const when = worst === onceBack.worst ? ', once Redis is back,' : ''
  if (!(worst <= limit)) broken.push(`the worst call${when} costs ${cost(worst)} ms, more than ${limit}`)
  if (!(recoveryMs !== undefined && recoveryMs <= BARS.recoveryMs)) {
    broken.push(`no hit until ${duration(recoveryMs)} after Redis is back, more than ${duration(BARS.recoveryMs)}`)
  }
  if (failed > 0) broken.push(`${failed} calls failed`)
  if (uncaught.length > 0) broken.push(`threw outside of any call: ${uncaught[0]}`)
  return broken
}

const isTooSlow = ({ outage, commandTimeout }: Entry): boolean => outage !== SLOW || commandTimeout !== undefined

export function comparison(summaries: readonly Summary[]): string {
  const heads = ['', 'calls', 'distinct: median', 'repeated: median', 'worst', 'failed', 'hit again after']
  const rows = summaries.map(({ entry, all, distinct, repeated, recoveryMs, failed, errors }) => [
    nameOf(entry),
    errors.length > 0 ? 'ended' : String(all.calls),
    cost(distinct.median),
    cost(repeated.median),
    cost(all.worst),
    String(failed),
    duration(recoveryMs),
  ])
  return table(heads, rows)
}

/** Cachewell alone: what finding out costs, and what comes after. */
export function byBreaker(summaries: readonly Summary[]): string {
  const heads = [
    '',
    'until open: calls',
    'worst',
    'open: calls',
    'median',
    'worst',
    'hit again after',
    'once back: worst',
    'failed',
  ]
  const rows = summaries.map(({ entry, untilOpen, afterOpen, opened, recoveryMs, onceBack, failed }) => [
    labelOf(entry),
    opened ? String(untilOpen.calls) : `${untilOpen.calls} (stays closed)`,
    cost(untilOpen.worst),
    String(afterOpen.calls),
    cost(afterOpen.median),
    cost(afterOpen.worst),
    duration(recoveryMs),
    cost(onceBack.worst),
    String(failed),
  ])
  return table(heads, rows)
}

export const barsLine = [
  `Bars for cachewell: median < ${BARS.openMs} ms after the breaker has opened`,
  `worst of all calls <= commandTimeout + ${BARS.slackMs} ms`,
  `a hit again <= ${BARS.recoveryMs / 1_000} s after Redis is back`,
  'no call fails.',
].join('; ')

export const nameOf = ({ contestant: { name, version }, ...entry }: Entry): string =>
  `${name} ${version}`.trim() + peculiarities(entry)

/** Of cachewell's. */
export const labelOf = (entry: Entry): string => `${entry.outage.title.split(':')[0]}${peculiarities(entry)}`

const peculiarities = ({ commandTimeout, crowd }: Pick<Entry, 'commandTimeout' | 'crowd'>): string =>
  (commandTimeout ? `, commandTimeout ${commandTimeout}` : '') + (crowd ? `, among ${crowd} callers` : '')

/** Of nothing, there is nothing to say: a maximum of no calls is below zero. */
function cost(ms: number): string {
  if (ms === Number.POSITIVE_INFINITY) return `> ${duration(CALL_LIMIT_MS)}`
  return ms >= 0 ? `+${ms.toFixed(ms < 10 ? 2 : 0)}` : '-'
}

function duration(ms: number | undefined): string {
  if (ms === undefined) return '-'
  if (ms === Number.POSITIVE_INFINITY) return `> ${duration(RECOVERY_LIMIT_MS)}`
  return ms < 1_000 ? `${ms.toFixed(0)} ms` : `${Number((ms / 1_000).toFixed(2))} s`
}
