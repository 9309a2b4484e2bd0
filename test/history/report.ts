import type { Violation } from './check.ts'
import type { Done, Entry, History, Member } from './history.ts'
import type { Outcome } from './run-history.ts'
import type { Staleness } from './staleness.ts'

const SHOWN = 3
/** What was under way so long before is shown, and what began so soon after. */
const BEFORE_NS = 150e6
const AFTER_NS = 20e6
const MOST_READS = 20
const NEVER = Number.POSITIVE_INFINITY

/** What happened, and what the first violations looked like. */
export function report({ history, violations, operations, counts, staleness }: Outcome): string {
  const numbers = Object.entries(counts).map(([name, count]) => `${count} ${name}`)
  const rules = violations.map(({ rule }) => rule)
  const sums = [...new Set(rules)].map((rule) => `${rules.filter((one) => one === rule).length} ${rule}`)
  const first = firstOfEach(violations).map((violation) => describe(violation, history))
  const lines = [
    `${operations} operations: ${numbers.join(', ')}`,
    ...(staleness ? [describeStaleness(staleness)] : []),
    `violations: ${sums.join(', ') || 'none'}`,
    ...first,
  ]
  return lines.join('\n')
}

function describeStaleness({ cases, old, p50, p99, max }: Staleness): string {
  const ages = Object.entries({ p50, p99, max }).map(([name, ms]) => `${name} ${ms.toFixed(2)} ms`)
  return `staleness of near copies, after the end of an invalidation elsewhere: ${old} old of ${cases}, ${ages.join(', ')}`
}

function firstOfEach(violations: readonly Violation[]): Violation[] {
  const kinds = new Map<string, Violation[]>()
  for (const violation of violations) kinds.set(violation.rule, [...(kinds.get(violation.rule) ?? []), violation])
  return [...kinds.values()].flatMap((some) => some.slice(0, SHOWN))
}

interface Line {
  readonly at: number
  readonly until: number
  readonly text: string
  readonly isRead?: boolean
}

/** The violation among all that happened to its key around that time. */
function describe({ rule, key, at, text }: Violation, history: History): string {
  const lines = history
    .flatMap((member, by) => linesOf(member, by, key))
    .filter((line) => line.until > at - BEFORE_NS && line.at < at + AFTER_NS)
    .sort((a, b) => a.at - b.at)
  const reads = lines.filter(({ isRead }) => isRead).sort((a, b) => Math.abs(a.at - at) - Math.abs(b.at - at))
  const far = new Set(reads.slice(MOST_READS))
  const shown = lines.filter((line) => !far.has(line)).map((line) => `  ${span(line, at)} ${line.text}`)
  return [`${rule}: ${text}`, ...shown].join('\n')
}

function span({ at, until }: Line, zero: number): string {
  return `${((at - zero) / 1e6).toFixed(3)} to ${until === NEVER ? 'no end' : ((until - zero) / 1e6).toFixed(3)} ms`
}

function linesOf({ entries, stops, pauses = [], killedAt }: Member, by: number, key: string): Line[] {
  const ends = new Map(entries.filter((entry): entry is Done => entry.kind === 'done').map((done) => [done.id, done]))
  const died = killedAt === undefined ? [] : [{ at: killedAt, until: killedAt, text: `process ${by} was killed` }]
  return [
    ...entries.filter((entry) => concerns(entry, key)).map((entry) => lineOf(entry, by, ends)),
    ...stops.map(({ from, to }) => ({ at: from, until: to, text: `process ${by} is stopped` })),
    ...pauses.map(({ from, to }) => ({ at: from, until: to, text: `the store may not answer process ${by}` })),
    ...died,
  ]
}

function concerns(entry: Entry, key: string): boolean {
  if (entry.kind === 'incident') return true
  if (entry.kind === 'removal') return entry.keys.includes(key)
  return entry.kind === 'barrier' || (entry.kind !== 'done' && entry.key === key)
}

function lineOf(entry: Entry, by: number, ends: ReadonlyMap<string, Done>): Line {
  const who = `process ${by}`
  if (entry.kind === 'read') {
    const { value, via, start, end } = entry
    const what = value ? `${value.from} ${value.id}, version ${value.version}` : (entry.unexpected ?? 'nothing')
    const where = entry.inLoad ? ' in a load' : ''
    return { at: start, until: end, text: `${who} ${via}${where}: ${what}`, isRead: true }
  }
  if (entry.kind === 'barrier') return { at: entry.start, until: entry.end, text: `${who} barrier`, isRead: true }
  if (entry.kind === 'write') return { at: entry.end, until: entry.end, text: `${who} wrote version ${entry.version}` }
  if (entry.kind === 'incident') return { at: entry.at, until: entry.at, text: `${who} ${entry.what}` }
  if (entry.kind === 'done') return { at: entry.end, until: entry.end, text: `${who} done ${entry.id}` }
  const done = ends.get(entry.id)
  const what = entry.kind === 'removal' ? `removes ${entry.target}` : entry.kind
  const asked = entry.kind === 'load' && entry.leaseAskedAt !== undefined ? entry.start - entry.leaseAskedAt : undefined
  const lease = asked === undefined ? '' : `, leased ${(asked / 1e6).toFixed(3)} ms before`
  const right = entry.kind === 'load' ? ` (${entry.why}${lease})` : ''
  const sure = done && !done.sure ? ', not sure' : ''
  return { at: entry.start, until: done?.end ?? NEVER, text: `${who} ${what} ${entry.id}${right}${sure}` }
}
