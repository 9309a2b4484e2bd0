/*
 * What several processes did to one cache, as each of them has recorded it: one JSON record on each line. All times are
 * nanoseconds of the machine's monotonic clock, which its processes share, so they can be compared.
 */

/** What loads return: it says of itself where it comes from. */
export interface Value {
  readonly key: string
  /** When the load began that made it; for what an update made, when the source of truth had changed. */
  readonly began: number
  /** The load, set or update that made it. */
  readonly id: string
  /** Of the source of truth, as that was read after `began`. */
  readonly version: number
  readonly from: 'load' | 'set' | 'update'
  /** It asks not to be stored. */
  readonly passing?: true
  /** What its load has read of another key, and made it of. */
  readonly of?: Value
}

/** A call that has ended, and what it came to. */
export interface Read {
  readonly kind: 'read'
  readonly via: 'call' | 'refresh' | 'peek'
  readonly key: string
  readonly start: number
  readonly end: number
  readonly value?: Value
  /** Of an error that no load has thrown. */
  readonly unexpected?: string
  /** Made by a load: of what it brings, something else is made and stored. */
  readonly inLoad?: true
}

/** After it, near copies are as new as what was there before it. */
export interface Barrier {
  readonly kind: 'barrier'
  readonly start: number
  readonly end: number
}

/** Something that takes time and may never end: its process can be killed meanwhile. */
interface Begun {
  readonly id: string
  readonly start: number
}

/** By key, by pattern or by tag. */
export interface Removal extends Begun {
  readonly kind: 'removal'
  readonly target: string
  /** All that it covers. */
  readonly keys: readonly string[]
  /** It takes leases away as well; the new stamp of a tag does not. */
  readonly endsLeases: boolean
  /** Of an update, what it has written. By the time it knows of that, others may have written more. */
  readonly version?: number
}

export interface Put extends Begun {
  readonly kind: 'set'
  readonly key: string
}

/** A run of the loader. */
export interface Load extends Begun {
  readonly kind: 'load'
  readonly key: string
  readonly why: string
  /** When the lease was asked for, where the load has one that stands in the key itself. */
  readonly leaseAskedAt?: number
}

/** A change of the source of truth. */
export interface Write {
  readonly kind: 'write'
  readonly key: string
  readonly version: number
  readonly end: number
}

/** The end of what has begun. */
export interface Done {
  readonly kind: 'done'
  readonly id: string
  readonly end: number
  /** What was promised holds: nothing was put off, and the store has answered. */
  readonly sure: boolean
}

/**
 * What befell the cache of a process: it has lost a connection or has one again; it is about to carry out once more all
 * that was acknowledged lately, since a server may have forgotten it (`revived`); nothing is left to be carried out
 * (`replayed`).
 */
export interface Incident {
  readonly kind: 'incident'
  readonly what: 'lost' | 'ready' | 'revived' | 'replayed'
  readonly at: number
}

export type Entry = Read | Barrier | Removal | Put | Load | Write | Done | Incident

/** A process, from when it was started. */
export interface Member {
  readonly entries: readonly Entry[]
  /** Not later than that. */
  readonly killedAt?: number
  readonly stops: readonly Stop[]
  /** When its Redis did not answer, or may not have. */
  readonly pauses?: readonly Stop[]
  /** It keeps near copies, and they may be so old, in ms. */
  readonly nearMs?: number
}

/** A time in which a process did not run, or did not get through to Redis. */
export interface Stop {
  readonly from: number
  readonly to: number
}

export type History = readonly Member[]

/** What the process has asked of the cache, as opposed to what the cache has made of it. */
export function isOperation({ kind }: Entry): boolean {
  return kind === 'read' || kind === 'removal' || kind === 'set' || kind === 'barrier'
}

/** Nanoseconds. A double holds them exactly for the first hundred days after the machine was started. */
export function now(): number {
  return Number(process.hrtime.bigint())
}

/** A process that was killed may leave half a line. */
export function parseEntries(text: string): Entry[] {
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Entry)
}
