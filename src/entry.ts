import { randomBytes } from 'node:crypto'
import type { Algorithm } from './compression.ts'

/*
 * The wire format `cw1`: one line of ASCII with fixed offsets, a newline, the payload. docs/wire-format.md describes
 * it; scripts compare the first 22 characters (format, kind, id) and look at nothing else.
 *
 *   0 `cw1 ` format        4 kind (L lease, V value, P pass)
 *   6 id, 16 characters    23 created   37 soft expiry   51 hard expiry (13 digits each: ms since 1970, server's clock)
 *   65 load time, 8 digits (ms)         74 flags, 4 characters
 *   79 payload length, 8 digits (bytes) 88 length-prefixed strings: version, then tag and stamp in turn
 */
export const FORMAT = 'cw1 '
/** Length of what identifies one write: format, kind and id. */
export const HEAD_LENGTH = 22
const LIST_AT = 88
/** A letter that is not known here, of another compression for instance, belongs to a later version. */
const FIXED_PART = /^cw1 [LVP] [\w-]{16} \d{13} \d{13} \d{13} \d{8} [jxc-][gbz-][o-][e-] \d{8} /

export type EntryKind = 'lease' | 'value' | 'pass'
const LETTERS = { lease: 'L', value: 'V', pass: 'P' } as const
const KINDS: Record<string, EntryKind | undefined> = { L: 'lease', V: 'value', P: 'pass' }

/** How a payload is encoded: `json`, JSON with a side table, or by the user's own serializer. */
export type Encoding = 'json' | 'special' | 'custom'
const ENCODING_LETTERS = { json: 'j', special: 'x', custom: 'c' } as const
const ENCODINGS: Record<string, Encoding | undefined> = { j: 'json', x: 'special', c: 'custom', '-': 'json' }

const COMPRESSION_LETTERS = { gzip: 'g', brotli: 'b', zstd: 'z' } as const
const COMPRESSIONS: Record<string, Algorithm | undefined> = { g: 'gzip', b: 'brotli', z: 'zstd' }

export interface EntryHeader {
  readonly kind: EntryKind
  /** Of a value: this write's id. Of a lease or pass: the token of the load. */
  readonly id: string
  /** Points in time in ms since 1970 by the server's clock. */
  readonly createdAt: number
  readonly softExpiresAt: number
  readonly hardExpiresAt: number
  /** What the load took, in ms. */
  readonly loadMs: number
  readonly encoding: Encoding
  /** Of the payload as it is stored; what a driver hands on is expanded. */
  readonly compression?: Algorithm | undefined
  /** Of a lease: taken over a pass marker; nobody waits for it, since its result is likely not to be stored. */
  readonly optimistic: boolean
  /** Of a value: it was invalidated, and is kept only for `staleIfError`, counted from its soft expiry. */
  readonly expired: boolean
  readonly version: string
  readonly stamps: readonly (readonly [tag: string, stamp: string])[]
}

/** A new id or token: 96 random bits, never from a counter, so that a restored machine image cannot repeat one. */
export function newId(): string {
  return randomBytes(12).toString('base64url')
}

/** The first characters of an entry: enough for a compare-and-set. */
export function entryHead(kind: EntryKind, id: string): string {
  return `${FORMAT}${LETTERS[kind]} ${id}`
}

export function encodeEntry(header: EntryHeader, payload: string | Uint8Array): string | Buffer {
  const length = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength
  const line = `${headerLine(header, length)}\n`
  return typeof payload === 'string' ? line + payload : Buffer.concat([Buffer.from(line, 'latin1'), payload])
}

function headerLine(header: EntryHeader, length: number): string {
  const { kind, id, createdAt, softExpiresAt, hardExpiresAt, loadMs, version, stamps } = header
  const times = `${digits(createdAt, 13)} ${digits(softExpiresAt, 13)} ${digits(hardExpiresAt, 13)} ${digits(loadMs, 8)}`
  const encoding = kind === 'value' ? ENCODING_LETTERS[header.encoding] : '-'
  const compression = header.compression ? COMPRESSION_LETTERS[header.compression] : '-'
  const flags = `${encoding}${compression}${header.optimistic ? 'o' : '-'}${header.expired ? 'e' : '-'}`
  const list = [version, ...stamps.flat()].map((item) => `${item.length}:${item}`).join('')
  return `${entryHead(kind, id)} ${times} ${flags} ${digits(length, 8)} ${list}`
}

function digits(value: number, width: number): string {
  const most = 10 ** width - 1
  return `${Math.min(Math.max(0, Math.round(value)), most)}`.padStart(width, '0')
}

/** An entry as it was read. Its payload is made of the bytes when it is asked for, as what it is asked for. */
export class DecodedEntry {
  constructor(
    readonly header: EntryHeader,
    readonly bytes: Buffer,
    /** Where the payload begins. */
    readonly start: number,
    /** Whether all of it is there. */
    readonly intact: boolean,
  ) {}

  get size(): number {
    return this.bytes.byteLength - this.start
  }

  get payload(): Buffer {
    return this.bytes.subarray(this.start)
  }

  get text(): string {
    return this.bytes.toString('utf8', this.start)
  }
}

/** Reads an entry. `undefined`: not an entry of a format that this version knows. */
export function decodeEntry(bytes: Buffer): DecodedEntry | undefined {
  const end = bytes.indexOf(10)
  if (end < LIST_AT) return undefined
  const line = bytes.toString('latin1', 0, end)
  const list = FIXED_PART.test(line) ? parseList(line) : undefined
  if (!list) return undefined
  const start = end + 1
  const header: EntryHeader = {
    kind: KINDS[line[4] as string] as EntryKind,
    id: line.slice(6, HEAD_LENGTH),
    createdAt: numberAt(bytes, 23, 13),
    softExpiresAt: numberAt(bytes, 37, 13),
    hardExpiresAt: numberAt(bytes, 51, 13),
    loadMs: numberAt(bytes, 65, 8),
    encoding: ENCODINGS[line[74] as string] as Encoding,
    compression: COMPRESSIONS[line[75] as string],
    optimistic: line[76] === 'o',
    expired: line[77] === 'e',
    version: list.version,
    stamps: list.stamps,
  }
  return new DecodedEntry(header, bytes, start, bytes.byteLength - start === numberAt(bytes, 79, 8))
}

/** Without a string of its own, or an array: this is done for each hit. */
function numberAt(bytes: Buffer, start: number, width: number): number {
  let value = 0
  for (let i = start; i < start + width; i++) value = value * 10 + (bytes[i] as number) - 48
  return value
}

const NO_STAMPS: readonly (readonly [string, string])[] = Object.freeze([])

function parseList(line: string): { version: string; stamps: readonly (readonly [string, string])[] } | undefined {
  if (line.length === LIST_AT + 2 && line.endsWith('0:')) return { version: '', stamps: NO_STAMPS }
  const items: string[] = []
  for (let at = LIST_AT; at < line.length; ) {
    const colon = line.indexOf(':', at)
    const digits = line.slice(at, colon)
    const length = Number(digits)
    // A sign would lead backwards, and round and round.
    if (colon < 0 || !/^\d+$/.test(digits) || colon + 1 + length > line.length) return undefined
    items.push(line.slice(colon + 1, colon + 1 + length))
    at = colon + 1 + length
  }
  if (items.length % 2 === 0) return undefined
  const stamps: [string, string][] = []
  for (let i = 1; i < items.length; i += 2) stamps.push([items[i] as string, items[i + 1] as string])
  return { version: items[0] as string, stamps }
}
