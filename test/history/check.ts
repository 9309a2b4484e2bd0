import type { Done, History, Load, Member, Put, Read, Removal, Stop, Write } from './history.ts'

export interface Violation {
  readonly rule: 'stale' | 'version' | 'overlap' | 'wrong-key' | 'error'
  readonly key: string
  readonly at: number
  readonly text: string
}

type Ended<T> = T & { readonly by: number; readonly end: number; readonly sure: boolean }

interface Timeline {
  readonly reads: (Read & { readonly by: number })[]
  readonly removals: Ended<Removal>[]
  readonly sets: Ended<Put>[]
  readonly loads: Ended<Load>[]
  readonly writes: Write[]
}

const NEVER = Number.POSITIVE_INFINITY
/** A lease of 5 s that was renewed within the last 2 s; the rest is what a busy machine may take. */
const LAPSES_AFTER_NS = 2.5e9
/** As much earlier when Redis did not answer at the time of a renewal: the next turn comes so much later. */
const TURN_NS = 2e9
/** What was put off is carried out when Redis is there again, some time after it was asked for. */
const CAUGHT_UP_NS = 5e9
/** What `refresh()` has loaded takes the place of a lease, too, as long after the load as a command may take. */
const STORED_WITHIN_NS = 0.25e9

/**
 * Whether a history keeps the promises.
 *
 * - A read that began after an invalidation had resolved returns no value whose load began before that invalidation
 *   was called, and no version older than what had been written by then.
 * - No key has two loads at a time under leases, unless the first lease was taken away (by an invalidation, a set or a
 *   refresh), or its holder died or stalled.
 * - A call returns a value of its own key, and throws only what a load throws.
 */
export function check(history: History): Violation[] {
  const byKey = timelines(history)
  const sets = new Map([...byKey.values()].flatMap((timeline) => timeline.sets.map((set) => [set.id, set])))
  const found = [...byKey].flatMap(([key, timeline]) => [
    ...checkReads(key, timeline, sets),
    ...checkLoads(key, timeline, history),
  ])
  return found.sort((a, b) => a.at - b.at)
}

/** The history of each key. */
function timelines(history: History): Map<string, Timeline> {
  const byKey = new Map<string, Timeline>()
  const of = (key: string): Timeline => {
    const known = byKey.get(key) ?? { reads: [], removals: [], sets: [], loads: [], writes: [] }
    byKey.set(key, known)
    return known
  }
  history.forEach((member, by) => {
    const ended = endsOf(member)
    for (const entry of member.entries) {
      if (entry.kind === 'read') of(entry.key).reads.push({ ...entry, by })
      else if (entry.kind === 'write') of(entry.key).writes.push(entry)
      else if (entry.kind === 'set') of(entry.key).sets.push({ ...entry, by, ...ended(entry.id) })
      else if (entry.kind === 'load') of(entry.key).loads.push({ ...entry, by, ...ended(entry.id, member.killedAt) })
      else if (entry.kind === 'removal') {
        const removal = { ...entry, by, ...ended(entry.id) }
        for (const key of entry.keys) of(key).removals.push(removal)
      }
    }
  })
  return byKey
}

function endsOf({ entries }: Member): (id: string, otherwise?: number) => { end: number; sure: boolean } {
  const ends = new Map<string, Done>()
  for (const entry of entries) if (entry.kind === 'done') ends.set(entry.id, entry)
  return (id, otherwise = NEVER) => {
    const done = ends.get(id)
    return done ? { end: done.end, sure: done.sure } : { end: otherwise, sure: false }
  }
}

function checkReads(key: string, timeline: Timeline, sets: ReadonlyMap<string, Ended<Put>>): Violation[] {
  const versionAt = stairs(timeline.writes.map(({ end, version }) => [end, version]))
  const sure = timeline.removals.filter((removal) => removal.sure)
  // For every moment, of the removals that had ended by then: when the last of them was called, and what was true then.
  const calledBefore = stairs(sure.map(({ start, end }) => [end, start]))
  const versionBefore = stairs(sure.map(({ start, end }) => [end, versionAt(start)]))
  return timeline.reads.flatMap((read): Violation[] => {
    const { value, start, by, via } = read
    const violation = (rule: Violation['rule'], text: string) => [
      { rule, key, at: start, text: `${via} of ${key} in process ${by} ${text}` },
    ]
    if (read.unexpected !== undefined) return violation('error', `threw what no load throws: ${read.unexpected}`)
    if (value === undefined) return []
    if (value.key !== key) return violation('wrong-key', `returned a value of ${value.key}`)
    const called = calledBefore(start)
    const began = newestSense(value, sets)
    if (began < called) {
      const removal = sure.find((one) => one.start === called && one.end < start)
      const late = ms(called - began)
      const text = `returned ${value.id}, which began ${late} before the invalidation of ${removal?.target} was called`
      return violation('stale', text)
    }
    const version = versionBefore(start)
    if (value.from !== 'set' && value.version < version) {
      return violation('version', `returned version ${value.version}, though ${version} had been written and announced`)
    }
    return []
  })
}

/**
 * When a value came to be, in the sense most favourable to the cache. A `set` is a write like any other: while it has
 * not returned it may take effect, also after an invalidation that was called later; and of one that has failed nobody
 * knows when it does.
 */
function newestSense(value: NonNullable<Read['value']>, sets: ReadonlyMap<string, Ended<Put>>): number {
  if (value.from !== 'set') return value.began
  const set = sets.get(value.id)
  return set?.sure ? set.end : NEVER
}

/** For a moment, the highest value among the steps that lie before it. */
function stairs(steps: readonly (readonly [at: number, value: number])[]): (moment: number) => number {
  const sorted = [...steps].sort(([a], [b]) => a - b)
  const highest: number[] = []
  for (const [, value] of sorted) highest.push(Math.max(value, highest.at(-1) ?? 0))
  return (moment) => {
    let low = 0
    let high = sorted.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sorted[middle] as readonly [number, number])[0] < moment) low = middle + 1
      else high = middle
    }
    return highest[low - 1] ?? 0
  }
}

function checkLoads(key: string, { loads, removals, sets }: Timeline, history: History): Violation[] {
  const leased = loads.filter((load) => load.leaseAskedAt !== undefined).sort((a, b) => a.start - b.start)
  const removed = [...removals.filter((removal) => removal.endsLeases), ...sets].map(({ start, end, sure }) => {
    return { start, end: sure ? end : end + CAUGHT_UP_NS }
  })
  const refreshed = loads
    .filter(({ why }) => why === 'refresh')
    .map(({ start, end }) => ({ start, end: end + STORED_WITHIN_NS }))
  const takeAway = [...removed, ...refreshed]
  const found: Violation[] = []
  let running: Ended<Load>[] = []
  for (const load of leased) {
    running = running.filter(({ end }) => end > load.start)
    for (const other of running) {
      if (takenAway(other, load, takeAway) || lapsed(other, load, history) || lapsed(load, load, history)) continue
      const text =
        `process ${load.by} (${load.id}, ${load.why}) began to load ${key} ${ms(load.start - other.start)} ` +
        `after process ${other.by} (${other.id}, ${other.why}) and ${ms(other.end - load.start)} before that one's end`
      found.push({ rule: 'overlap', key, at: load.start, text })
    }
    running.push(load)
  }
  return found
}

/** Whether something that takes leases away may have done so before the second load began. */
function takenAway(first: Ended<Load>, second: Ended<Load>, by: readonly { start: number; end: number }[]): boolean {
  const from = Math.min(askedAt(first), askedAt(second))
  return by.some(({ start, end }) => start < second.start && end > from)
}

/** Whether its process had been stopped for so long, when `next` began to load, that its lease may have run out. */
function lapsed(load: Ended<Load>, next: Load, history: History): boolean {
  const { stops = [], pauses = [] } = history[load.by] ?? {}
  const within = (stop: Stop) => overlapNs(stop, askedAt(load), next.start)
  const lapsesAfter = LAPSES_AFTER_NS - (pauses.some((pause) => within(pause) > 0) ? TURN_NS : 0)
  return stops.some((stop) => within(stop) > lapsesAfter)
}

function overlapNs(stop: Stop, from: number, to: number): number {
  return Math.min(stop.to, to) - Math.max(stop.from, from)
}

function askedAt(load: Load): number {
  return load.leaseAskedAt ?? load.start
}

function ms(ns: number): string {
  return `${(ns / 1e6).toFixed(2)} ms`
}
