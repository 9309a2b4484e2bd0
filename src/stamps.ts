import { newId } from './entry.ts'
import { encodePart } from './key.ts'

/*
 * Tags. Each has a stamp in the store, random and unique, under a key of its own. An entry notes the stamps that stood
 * before its load, and a read demands that they still stand: invalidating a tag is one write of a new stamp, however
 * many entries have it. A stamp that was lost is a miss, never a resurrection, since no stamp is ever made twice.
 */
const FORMAT = 'cws '
const TEXT = /^cws ([\w-]{16}) (\d{13})$/

export interface Stamp {
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

/** A tag as it stands in keys and headers. */
export function encodeTag(tag: string): string {
  return encodePart(tag, 'a tag')
}

/** Outside of what patterns can reach: those begin with `<prefix>::`. */
export function stampKey(prefix: string, tag: string): string {
  return `${prefix}#${tag}`
}

/** Where it is settled who refreshes a key. No tag begins with a colon: it would be escaped. */
export function electionKey(prefix: string, key: string): string {
  return `${prefix}#:${key}`
}

/** Changes with every invalidation of any tag. No tag encodes to nothing. */
export const ANY_TAG = ''

export function encodeStamp({ id, changedAt }: Stamp): string {
  return `${FORMAT}${id} ${`${Math.round(changedAt)}`.padStart(13, '0')}`
}

export function decodeStamp(text: string): Stamp | undefined {
  const match = TEXT.exec(text)
  return match ? { id: match[1] as string, changedAt: Number(match[2]) } : undefined
}

export function newStamp(now: number): Stamp {
  return { id: newId(), changedAt: now }
}

/** How long stamps are kept at least: longer than the entries that note them. */
export function stampTtl(entryTtlMs: number): number {
  return Math.max(86_400_000, entryTtlMs * 2)
}
