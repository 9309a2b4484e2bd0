import { firstIndex } from './first-index.ts'
import type { Done, History, Read, Removal } from './history.ts'

/** How old what near copies were served for was, in ms after the end of an invalidation by another process. */
export interface Staleness {
  /** So often a process that keeps near copies has read a key soon after another process had invalidated it. */
  readonly cases: number
  /** So often it has got the old value. */
  readonly old: number
  /** Of all cases, when it has got the old value for the last time: 0 where it has not. */
  readonly p50: number
  readonly p99: number
  readonly max: number
}

type Reads = Map<string, Read[]>

/** `undefined` where nobody keeps near copies. */
export function stalenessOf(history: History): Staleness | undefined {
  const removals = history.flatMap(({ entries }, by) => {
    const ends = new Map(entries.filter((entry): entry is Done => entry.kind === 'done').map((done) => [done.id, done]))
    return entries
      .filter((entry): entry is Removal => entry.kind === 'removal' && ends.get(entry.id)?.sure === true)
      .map((removal) => ({ ...removal, by, end: (ends.get(removal.id) as Done).end }))
  })
  const found: number[] = []
  history.forEach(({ entries, nearMs }, by) => {
    if (nearMs === undefined) return
    const reads = callsOf(entries)
    for (const removal of removals) {
      if (removal.by === by) continue
      for (const key of removal.keys) {
        const last = lastOldRead(reads.get(key) ?? [], removal, nearMs)
        if (last !== undefined) found.push(last)
      }
    }
  })
  if (found.length === 0) return undefined
  found.sort((a, b) => a - b)
  const at = (share: number) => found[Math.min(found.length - 1, Math.floor(share * found.length))] as number
  const old = found.filter((ms) => ms > 0).length
  return { cases: found.length, old, p50: at(0.5), p99: at(0.99), max: at(1) }
}

/** In the order of their starts, by key. */
function callsOf(entries: History[number]['entries']): Reads {
  const byKey: Reads = new Map()
  for (const entry of entries) {
    if (entry.kind !== 'read' || entry.via !== 'call' || entry.inLoad || !entry.value) continue
    const reads = byKey.get(entry.key) ?? []
    reads.push(entry)
    byKey.set(entry.key, reads)
  }
  for (const reads of byKey.values()) reads.sort((a, b) => a.start - b.start)
  return byKey
}

/** How long after the removal, in ms, the old value was got for the last time; `undefined` where nobody looked in time. */
function lastOldRead(reads: readonly Read[], removal: Removal & { end: number }, nearMs: number): number | undefined {
  const startOf = (i: number) => (reads[i] as Read).start
  const first = firstIndex(reads.length, (i) => startOf(i) > removal.end)
  const beyond = firstIndex(reads.length, (i) => startOf(i) > removal.end + 2 * nearMs * 1e6)
  if (first === beyond) return undefined
  for (let i = beyond - 1; i >= first; i--) {
    const { value, start } = reads[i] as Read
    if (value?.from === 'load' && value.began < removal.start) return (start - removal.end) / 1e6
  }
  return 0
}
