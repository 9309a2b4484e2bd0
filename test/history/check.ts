import { firstIndex } from './first-index.ts'
import type { Done, History, Incident, Load, Member, Put, Read, Removal, Stop, Value, Write } from './history.ts'
import { heededFrom } from './near-bound.ts'

export interface Violation {
  readonly rule: 'stale' | 'version' | 'nested' | 'overlap' | 'wrong-key' | 'error'
  readonly key: string
  /** The process of the call or of the load. */
  readonly by: number
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
/** What is sent just before a connection is lost may still come to nothing. */
const TURN_MARGIN_NS = 0.1e9
const LEASE_NS = 5e9
/** A process carries out once more what was acknowledged in the last minute; the rest is for a busy machine. */
const REMEMBERED_NS = 65e9
/** What `refresh()` has loaded takes the place of a lease, too, as long after the load as a command may take. */
const STORED_WITHIN_NS = 0.25e9

/**
 * Whether a history keeps the promises.
 *
 * - A read that began after an invalidation had resolved returns no value whose load began before that invalidation
 *   was called, and no version older than what had been written by then. An invalidation
 *   that was put off holds at once for the process itself, and for others when it has been carried out.
 * - A process with near copies follows what others have invalidated within its bound, and at once behind a barrier. That
 *   is for calls: what it loads, and reads for a load, follows at once, and so does what it has itself invalidated.
 * - What a load has made of the value of another key, it has made of one that it could have been given when it began.
 * - No key has two loads at a time under leases, unless the first lease was taken away (by an invalidation, a set or a
 *   refresh), or its holder died, stalled or was cut off.
 * - A call returns a value of its own key, and throws only what a load throws.
 */
export function check(history: History): Violation[] {
  const byKey = timelines(history)
  const sets = new Map([...byKey.values()].flatMap((timeline) => timeline.sets.map((set) => [set.id, set])))
  const bindings = new Map([...byKey].map(([key, timeline]) => [key, bindingOn(timeline, history)]))
  const found = [...byKey].flatMap(([key, timeline]) => [
    ...checkReads(key, timeline, sets, bindings),
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

function checkReads(
  key: string,
  timeline: Timeline,
  sets: ReadonlyMap<string, Ended<Put>>,
  bindings: ReadonlyMap<string, BindingOf>,
): Violation[] {
  const bindingOf = bindings.get(key) as BindingOf
  return timeline.reads.flatMap((read): Violation[] => {
    const { value, start, by, via, inLoad } = read
    const violation = (rule: Violation['rule'], text: string, whose = by) => [
      { rule, key, by: whose, at: start, text: `${via} of ${key} in process ${by} ${text}` },
    ]
    if (read.unexpected !== undefined) return violation('error', `threw what no load throws: ${read.unexpected}`)
    if (value === undefined) return []
    if (value.key !== key) return violation('wrong-key', `returned a value of ${value.key}`)
    const { removals, calledBefore, versionBefore } = bindingOf(by, via === 'call' && !inLoad)
    const called = calledBefore(start)
    const began = newestSense(value, sets)
    if (began < called) {
      const removal = removals.find((one) => one.start === called && one.end < start)
      const late = ms(called - began)
      const text = `returned ${value.id}, which began ${late} before the invalidation of ${removal?.target} was called`
      return violation('stale', text)
    }
    const version = versionBefore(start)
    if (value.from !== 'set' && value.version < version) {
      return violation('version', `returned version ${value.version}, though ${version} had been written and announced`)
    }
    const part = value.of
    if (part && isOutdated(part, value, sets, bindings.get(part.key))) {
      return violation(
        'nested',
        `returned ${value.id}, which was made of ${part.id}, outdated by then`,
        processOf(value),
      )
    }
    return []
  })
}

/** Whether the process that has loaded the whole could not have been given that part any more. */
function isOutdated(
  part: Value,
  whole: Value,
  sets: ReadonlyMap<string, Ended<Put>>,
  bindingOf: BindingOf | undefined,
): boolean {
  const called = bindingOf?.(processOf(whole), false).calledBefore(whole.began) ?? 0
  return newestSense(part, sets) < called
}

/** See `Recorder.id`. */
function processOf({ id }: Value): number {
  return Number.parseInt(id, 10)
}

interface Binding {
  readonly removals: readonly Ended<Removal>[]
  /** For every moment, when the last of the removals was called that had ended by then. */
  readonly calledBefore: (moment: number) => number
  /** And which version had been written when it was called. */
  readonly versionBefore: (moment: number) => number
}

/** @param bounded - may be served near copies, where its process has some */
type BindingOf = (by: number, bounded: boolean) => Binding

/** What reads of a process must heed: what was put off as well, by itself at once, by others when it is carried out. */
function bindingOn({ removals, writes }: Timeline, history: History): BindingOf {
  const versionAt = stairs(writes.map(({ end, version }) => [end, version]))
  const carriedOut = removals.map((removal) => ({ ...removal, end: carriedOutBy(removal, history) }))
  const bindingOf = (by: number, bounded: boolean): Binding => {
    const member = history[by]
    const fromEnd = bounded && member ? heededFrom(member) : (end: number) => end
    const heeded = removals.map((removal, i) => {
      return removal.by === by ? removal : { ...removal, end: fromEnd((carriedOut[i] as Ended<Removal>).end) }
    })
    return {
      removals: heeded,
      calledBefore: stairs(heeded.map(({ start, end }) => [end, start])),
      versionBefore: stairs(heeded.map(({ start, end, version }) => [end, version ?? versionAt(start)])),
    }
  }
  const bindings = new Map<string, Binding>()
  return (by, bounded) => {
    const name = `${by} ${bounded}`
    const binding = bindings.get(name) ?? bindingOf(by, bounded)
    bindings.set(name, binding)
    return binding
  }
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
    const reached = firstIndex(sorted.length, (i) => (sorted[i] as readonly [number, number])[0] >= moment)
    return highest[reached - 1] ?? 0
  }
}

function checkLoads(key: string, timeline: Timeline, history: History): Violation[] {
  const { loads } = timeline
  const leased = loads.filter((load) => load.leaseAskedAt !== undefined).sort((a, b) => a.start - b.start)
  const takeAway = takersOf(timeline, history)
  const found: Violation[] = []
  let running: Ended<Load>[] = []
  for (const load of leased) {
    running = running.filter(({ end }) => end > load.start)
    for (const other of running) {
      if (takenAway(other, load, takeAway) || lapsed(other, load, history) || lapsed(load, load, history)) continue
      const text =
        `process ${load.by} (${load.id}, ${load.why}) began to load ${key} ${ms(load.start - other.start)} ` +
        `after process ${other.by} (${other.id}, ${other.why}) and ${ms(other.end - load.start)} before that one's end`
      found.push({ rule: 'overlap', key, by: load.by, at: load.start, text })
    }
    running.push(load)
  }
  return found
}

interface Span {
  readonly start: number
  readonly end: number
}

/** When something may have taken leases on a key away. */
function takersOf({ loads, removals, sets }: Timeline, history: History): Span[] {
  const changes = [...removals.filter((removal) => removal.endsLeases), ...sets].map((change) => {
    return { by: change.by, start: change.start, end: carriedOutBy(change, history), acknowledged: isRemoval(change) }
  })
  const again = history.flatMap((member, by) => {
    const own = changes.filter((change) => change.by === by && change.acknowledged)
    return revivalsOf(member).filter((revival) => own.some((change) => isRemembered(change, revival.start)))
  })
  const refreshed = loads
    .filter(({ why }) => why === 'refresh')
    .map(({ start, end, by }) => ({ start, end: storedBy(end, history[by]) }))
  return [...changes, ...again, ...refreshed]
}

/** Of a set that has failed the key is removed, since nobody knows whether it may still be carried out. */
function isRemoval(change: Ended<Removal> | Ended<Put>): boolean {
  return change.kind === 'removal' || !change.sure
}

/** What was put off is carried out some time, at the latest when its process has carried out all. */
function carriedOutBy({ end, sure, by }: Ended<Removal> | Ended<Put>, history: History): number {
  if (sure) return end
  return incidentsOf(history[by], 'replayed').find(({ at }) => at >= end)?.at ?? NEVER
}

function isRemembered({ start, end }: Span, at: number): boolean {
  return start < at && end > at - REMEMBERED_NS
}

/** From when a process has begun to carry out once more what was acknowledged, until it had. */
function revivalsOf(member: Member): Span[] {
  const replays = incidentsOf(member, 'replayed')
  return incidentsOf(member, 'revived').map(({ at: start }) => {
    return { start, end: replays.find(({ at }) => at >= start)?.at ?? NEVER }
  })
}

/** Until when the result of a load may have been stored. It may have been on its way to a Redis that did not answer. */
function storedBy(end: number, member: Member | undefined): number {
  const held = (member?.pauses ?? []).find(({ from, to }) => from < end + STORED_WITHIN_NS && to > end)
  return (held?.to ?? end) + STORED_WITHIN_NS
}

/** Whether something that takes leases away may have done so before the second load began. */
function takenAway(first: Ended<Load>, second: Ended<Load>, by: readonly Span[]): boolean {
  const from = Math.min(askedAt(first), askedAt(second))
  return by.some(({ start, end }) => start < second.start && end > from)
}

/** Whether its process could not renew its lease for so long, when `next` began to load, that it may have run out. */
function lapsed(load: Ended<Load>, next: Load, history: History): boolean {
  const member = history[load.by]
  const within = (stop: Stop) => overlapNs(stop, askedAt(load), next.start)
  const stops = (member?.stops ?? []).filter((stop) => within(stop) > 0)
  const silences = [...(member?.pauses ?? []), ...absencesOf(member)].filter((silence) => within(silence) > 0)
  const lapsesAfter = LAPSES_AFTER_NS - (silences.length > 0 ? TURN_NS : 0)
  return stops.some((stop) => within(stop) > lapsesAfter) || lostTwoTurns(silences, askedAt(load), next.start)
}

/** Whether two turns in a row may have fallen into times when nothing could be renewed, or into one such time. */
function lostTwoTurns(silences: readonly Stop[], from: number, to: number): boolean {
  return silences.some((first) =>
    silences.some((last) => {
      const between = { from: first.from, to: last.to }
      return overlapNs(between, from, to) > TURN_NS - TURN_MARGIN_NS && last.from - first.to < LEASE_NS - TURN_NS
    }),
  )
}

/** When a process was without a connection. */
function absencesOf(member: Member | undefined): Stop[] {
  const found = incidentsOf(member, 'ready')
  return incidentsOf(member, 'lost').map(({ at: from }) => {
    return { from, to: found.find(({ at }) => at >= from)?.at ?? NEVER }
  })
}

const known = new WeakMap<Member, readonly Incident[]>()

function incidentsOf(member: Member | undefined, what: Incident['what']): Incident[] {
  if (!member) return []
  const incidents = known.get(member) ?? member.entries.filter((entry) => entry.kind === 'incident')
  known.set(member, incidents)
  return incidents.filter((incident) => incident.what === what)
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
