import { BOUNDS, during, growthOf, show } from './judge.ts'
import type { Problem, Sample } from './messages.ts'
import type { Outcome, Status, Worker } from './run-soak.ts'
import type { Storm } from './storm.ts'

/** How it goes, in one line. */
export function statusLine({ seconds, workers, storms }: Status): string {
  const lasts = workers.map(({ samples }) => samples.at(-1)).filter((sample): sample is Sample => sample !== undefined)
  const each = (level: string) => lasts.map(({ levels }) => show(levels[level] ?? 0)).join(' + ')
  const sum = (count: string) => lasts.reduce((total, { counts }) => total + (counts[count] ?? 0), 0)
  const events = storms.reduce((total, storm) => total + happenedIn(storm), 0)
  const parts = [
    `${seconds.toFixed(0).padStart(4)} s`,
    `heap ${each('heap')}`,
    `handles ${each('handles')}`,
    `sockets ${each('sockets')}`,
    `${sum('calls')} calls, ${sum('loads')} loads`,
    `${events} events`,
    `${workers.reduce((total, { found }) => total + found.length, 0)} problems`,
  ]
  return parts.join(' | ')
}

/** What happened, how the levels went, and what was wrong. */
export function report({ workers, storms, problems }: Outcome): string {
  return [
    ...storms.map(stormLine),
    ...storms.flatMap(({ failures }) => failures.map((failure) => `did not come about: ${failure}`)),
    ...workers.map(({ name, samples }) => `${name}: ${countsLine(samples.at(-1))}`),
    '',
    table(['', '', 'first third', 'last third', 'allowed', 'most', 'at rest', 'closed'], workers.flatMap(rowsOf)),
    '',
    problems.length === 0 ? 'all is well' : `${problems.length} PROBLEMS`,
    ...problems.map(problemLine),
  ].join('\n')
}

function stormLine({ name, happened }: Storm): string {
  const each = Object.entries(happened).map(([what, times]) => `${what} ${times}`)
  return `${name}: ${each.join(', ') || 'nothing happened'}`
}

function happenedIn({ happened }: Storm): number {
  return Object.values(happened).reduce((sum, times) => sum + times, 0)
}

function countsLine(sample: Sample | undefined): string {
  return Object.entries(sample?.counts ?? {})
    .map(([what, count]) => `${count} ${what}`)
    .join(', ')
}

function rowsOf({ name, samples }: Worker): string[][] {
  const storm = during('storm', samples)
  const ends = [during('rest', samples).at(-1), during('closed', samples).at(-1)]
  const inStorm = Object.keys(BOUNDS).map((level) => {
    const { first, last, limit, most } = growthOf(level, storm) ?? {}
    return [level, ...[first, last, limit, most].map(cell), ...ends.map((end) => cell(end?.levels[level]))]
  })
  const onlyAtRest = Object.entries(ends[0]?.levels ?? {}).filter(([level]) => !(level in BOUNDS))
  const atRest = onlyAtRest.map(([level, value]) => [level, '', '', '', '', cell(value), ''])
  return [...inStorm, ...atRest].map((cells, i) => [i === 0 ? name : '', ...cells])
}

function cell(value: number | undefined): string {
  return value === undefined ? '' : show(value)
}

function problemLine({ rule, text }: Problem): string {
  return `${rule}: ${text}`
}

/** Two columns to the left, the others to the right. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    cells.map((text, i) => (i < 2 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join('  ')
  return [heads, ...rows].map(line).join('\n')
}
