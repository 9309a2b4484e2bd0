import { newId } from './entry.ts'

/*
 * Tags. Each has a stamp in the store, random and unique, under a key of its own. An entry notes the stamps that stood
 * before its load, and a read demands that they still stand: invalidating a tag is one write of a new stamp, however
 * many entries have it. A stamp that was lost is a miss, never a resurrection, since no stamp is ever made twice.
 */
const FORMAT = 'cws '
const TEXT = /^cws ([\w-]{32}) (\d{13})$/
const HALF = 16

export interface Stamp {
  /** Two random words. A removal changes both, an expiry only the second: {@link fateOf} tells them apart. */
  readonly id: string
  /** When it was made or last changed, in ms by the server's clock. */
  readonly changedAt: number
}

/** A stamp as it has been found or made. */
export interface FoundStamp extends Stamp {
  /** There was none: whether the tag was invalidated lately, nobody knows. */
  readonly made: boolean
  /** The server's time of finding it. */
  readonly now: number
}

export function encodeStamp({ id, changedAt }: Stamp): string {
  return `${FORMAT}${id} ${`${Math.round(changedAt)}`.padStart(13, '0')}`
}

export function decodeStamp(text: string): Stamp | undefined {
  const match = TEXT.exec(text)
  return match ? { id: match[1] as string, changedAt: Number(match[2]) } : undefined
}

/** @param expired - the stamp before, where entries that note it go on being there for `staleIfError` */
export function newStamp(now: number, expired?: Stamp): Stamp {
  return { id: (expired?.id.slice(0, HALF) ?? newId()) + newId(), changedAt: now }
}

/** What has become of an entry that notes `noted`, where `current` stands. */
export function fateOf(noted: string, current: string | undefined): 'stands' | 'expired' | 'removed' {
  if (current === noted) return 'stands'
  return current?.startsWith(noted.slice(0, HALF)) ? 'expired' : 'removed'
}

/** How long stamps are kept when they are made: half of it is as long as the entries that note them. */
export function stampTtl(entryTtlMs: number): number {
  return Math.max(86_400_000, entryTtlMs * 2)
}
