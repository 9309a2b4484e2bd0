import type { State } from './drivers/driver.ts'
import type { EntryHeader } from './entry.ts'
import { stampKey } from './stamp-key.ts'
import { type FoundStamp, fateOf, stampTtl } from './stamps.ts'
import type { StoreTier } from './tier.ts'

/** What a read has found: a value of which a tag was invalidated is still there, but is not to be used. */
export type Seen = State | { readonly kind: 'untagged'; readonly header: EntryHeader }

/**
 * Reads an entry and the stamps of its tags. Those that are known by now go into the same command: they are what the
 * entry notes, or most of it.
 *
 * @throws what went wrong with any of them
 */
export async function readTagged(
  tier: StoreTier,
  prefix: string,
  key: string,
  tags: readonly string[],
  reading = tier.read(key),
): Promise<Seen> {
  const keyOf = (tag: string) => stampKey(prefix, tag)
  const [found, ...stamps] = await Promise.all([reading, ...tags.map((tag) => tier.read(keyOf(tag)))])
  const entry = sound(found)
  if (entry.kind !== 'value' || entry.header.stamps.length === 0) return entry
  const current = new Map(tags.map((tag, i) => [tag, stamps[i]]))
  const others = entry.header.stamps.map(([tag]) => tag).filter((tag) => !current.has(tag))
  const more = await Promise.all(others.map((tag) => tier.read(keyOf(tag))))
  others.forEach((tag, i) => {
    current.set(tag, more[i])
  })
  return untaggedWhere(entry, (tag) => sound(current.get(tag)))
}

/** The entry, unless a stamp that it notes has changed or is gone; expired, where the change was no more than that. */
export function untaggedWhere(state: State, stampFor: (tag: string) => State): Seen {
  if (state.kind !== 'value' || state.header.stamps.length === 0) return state
  let { softExpiresAt, expired } = state.header
  for (const [tag, id] of state.header.stamps) {
    const current = stampFor(tag)
    const fate = fateOf(id, idOf(current))
    if (fate === 'removed') return { kind: 'untagged', header: state.header }
    if (fate === 'stands' || current.kind !== 'stamp') continue
    expired = true
    softExpiresAt = Math.min(softExpiresAt, current.stamp.changedAt)
  }
  return expired === state.header.expired ? state : { ...state, header: { ...state.header, softExpiresAt, expired } }
}

/** Whether the noted stamps stand, by a read that begins now. */
export async function stampsStand(tier: StoreTier, prefix: string, stamps: EntryHeader['stamps']): Promise<boolean> {
  const current = await Promise.all(stamps.map(([tag]) => tier.read(stampKey(prefix, tag))))
  return current.every((state, i) => idOf(state) === stamps[i]?.[1])
}

/** The stamps of the tags, made where there is none. */
export function ensureStamps(
  tier: StoreTier,
  prefix: string,
  tags: readonly string[],
  entryTtlMs: number,
): Promise<readonly FoundStamp[]> {
  const keys = tags.map((tag) => stampKey(prefix, tag))
  return tier.driver.stamps(keys, stampTtl(entryTtlMs))
}

function sound(state: State | undefined): State {
  if (state === undefined) return { kind: 'absent' }
  if (state.kind === 'error') throw state.error
  return state
}

function idOf(state: State): string | undefined {
  return state.kind === 'stamp' ? state.stamp.id : undefined
}
