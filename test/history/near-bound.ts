import { firstIndex } from './first-index.ts'
import type { Barrier, Member } from './history.ts'

/**
 * The times of all processes are of one clock, so nothing is lost in comparing them. The cache counts in milliseconds,
 * though, as doubles: this is more than what rounding takes.
 */
const SLACK_NS = 0.1e6

/**
 * From when on calls of a process must heed what another has removed, by when that had ended: at once, or, where it
 * keeps near copies, within the bound; behind a barrier that began after the end, as soon as that has resolved.
 */
export function heededFrom({ entries, nearMs }: Member): (end: number) => number {
  if (nearMs === undefined) return (end) => end
  const barriers = entries.filter((entry): entry is Barrier => entry.kind === 'barrier')
  barriers.sort((a, b) => a.start - b.start)
  const resolved = barriers.map((barrier) => barrier.end)
  // Of all that began no earlier, the one that was first to resolve.
  for (let i = resolved.length - 2; i >= 0; i--) {
    resolved[i] = Math.min(resolved[i] as number, resolved[i + 1] as number)
  }
  return (end) => {
    const next = firstIndex(barriers.length, (i) => (barriers[i] as Barrier).start > end)
    return Math.min(end + nearMs * 1e6 + SLACK_NS, resolved[next] ?? Number.POSITIVE_INFINITY)
  }
}
