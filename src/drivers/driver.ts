import type { Compression } from '../compression.ts'
import type { EntryHeader } from '../entry.ts'
import type { Packing } from '../packing.ts'
import type { FoundStamp, Stamp } from '../stamps.ts'
import type { Watch } from '../watch.ts'

/**
 * What becomes of values that are invalidated. `remove`: they are gone. `expire`: nobody is served them any more, except
 * by a function with `staleIfError` whose next run fails.
 */
export type InvalidationMode = 'remove' | 'expire'

/** Something to invalidate: a key by name, all that match a glob, or what notes a stamp. All are whole, with prefix. */
export type Removal = ({ readonly key: string } | { readonly glob: string } | { readonly stamp: string }) & {
  /** Left out, it is `remove`. */
  readonly mode?: InvalidationMode
}

/** A removal by pattern while it goes on, as whoever has asked for it wants it. */
export interface Sweep {
  /** Nobody wants the rest any more: what has been removed stays removed, and what is left is noted nowhere. */
  readonly stopped: boolean
  /** So many more keys have been looked at. */
  looked(keys: number): void
  /** So many of them match, and so many entries are gone. */
  found(matched: number, removed: number): void
}

export type DriverName = 'null' | 'memory' | 'redis'

/** A stored value. `body` is the packing's own: a live object in memory, bytes in Redis. */
export interface Value {
  readonly kind: 'value'
  readonly header: EntryHeader
  readonly body: Body
}

export interface Body {
  readonly encoding: EntryHeader['encoding']
  readonly data: unknown
  /** Bytes: exact where the value is encoded, an estimate where it is kept as an object. */
  readonly size: number
  /** Why there is no `data`, where more is known than that it is not whole. */
  readonly flaw?: string | undefined
}

/** What a read can find at one key. An error is that key's own: its neighbours in the batch have answers. */
export type State =
  | { readonly kind: 'absent' }
  | Value
  /** Someone is loading it. */
  | { readonly kind: 'lease'; readonly header: EntryHeader }
  /** The last load's result was not to be stored; nobody should wait for the next one. */
  | { readonly kind: 'pass'; readonly header: EntryHeader }
  /** What stands for a tag. */
  | { readonly kind: 'stamp'; readonly stamp: Stamp }
  /** Written by `increment`. */
  | { readonly kind: 'counter'; readonly value: number }
  /** Not ours to read or to replace: another type, or a format that this version does not know. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'error'; readonly error: Error }

export interface Looked {
  readonly state: State
  readonly ttlMs: number | undefined
}

/** The answer to a request to be the one who loads. */
export type Acquired =
  /** The placeholder stands; a store succeeds only while it does. */
  | 'granted'
  /** A value is there (again): read it. */
  | 'value'
  /** Someone else is loading. */
  | 'leased'
  /** Something stands there that must not be replaced. */
  | 'foreign'

/** `failed`: the last refresh did, lately. */
export type Election = 'elected' | 'busy' | 'failed'

/** What is written: the times are durations, since only the driver knows the store's clock. */
export interface Draft {
  readonly id: string
  readonly body: Body
  /** For a store outside of the process. */
  readonly compression?: Compression | undefined
  /** Until it is stale. */
  readonly ttlMs: number
  /** Until it is gone: `ttlMs`, or more where stale values may be served. */
  readonly keepMs: number
  readonly loadMs: number
  readonly version: string
  /** Tags, and the stamps that stood for them before the load. */
  readonly stamps: EntryHeader['stamps']
}

export interface LeaseRequest {
  readonly token: string
  readonly leaseMs: number
  /** The head (see `entryHead`) of an unusable value that the lease may replace. */
  readonly over?: string
  /** How long the call has waited for the store already, in ms. */
  readonly spentMs?: number
}

/**
 * A place where entries are kept. Everything is batch-shaped, every write touches single keys (so that it is legal in
 * a cluster), and a driver throws freely: the guard above it is the one place that swallows.
 */
export interface Driver {
  readonly name: DriverName
  readonly packing: Packing
  /** Milliseconds since 1970 by the store's clock, which decides what is expired. */
  time(): number
  /**
   * A fresh value without tags that is in this process, of the version that is asked for, by its key below the prefix: what
   * a hit costs, so nothing is made for it.
   */
  find?(shownKey: string, version: string): Body | undefined
  /** What is in this process is there at once; `undefined` where a round trip is needed. */
  readNow?(key: string): State | undefined
  /**
   * What stands at the key, as it stands in the store: nothing is expanded, and no copy of it is kept. With how long it
   * will be there, in ms, where it will go by itself. Left out: nothing is ever there.
   */
  look?(key: string): Promise<Looked>
  /** The store is known to be gone: asking for this key would fail at once. Left out: it cannot be. */
  away?(key: string): boolean
  /** One state for each key, in order. */
  readMany(keys: readonly string[]): Promise<readonly State[]>
  /** Becomes the one who loads, by a placeholder in the value's own key. */
  acquire(key: string, request: LeaseRequest): Promise<Acquired>
  /** Stores only where `head` (see `entryHead`) still stands: whatever removed it has killed this load. */
  commit(key: string, head: string, draft: Draft): Promise<boolean>
  /** Prolongs a lease. False: it is lost. */
  renew(key: string, token: string, leaseMs: number): Promise<boolean>
  /** Gives a lease back, or leaves a pass marker in its place for `passMs`. False: it was lost. */
  release(key: string, token: string, passMs?: number): Promise<boolean>
  /** Stores whatever stands there; the number that was stored. */
  put(items: readonly { readonly key: string; readonly draft: Draft }[]): Promise<number>
  /** Carries out a removal; the number that was there, 0 for a stamp. Of a sweep that was stopped, so far. */
  invalidate(removal: Removal, sweep?: Sweep): Promise<number>
  /** Removes by name, or leaves of values what `expire` leaves; the number that was there. Loads under way are ended. */
  remove(keys: readonly string[], mode?: InvalidationMode): Promise<number>
  /** Removes a value only where it still stands: `head` as in {@link Driver.commit}. False: it did not. */
  retract(key: string, head: string): Promise<boolean>
  /**
   * Keys that match the glob, in batches, of which many may be empty. What is there throughout is found; duplicates are
   * possible. `looked` is told how many keys have been looked at, before each batch.
   */
  scan(glob: string, looked?: (keys: number) => void): AsyncIterable<readonly string[]>
  /** The stamps at these keys, in order; made where there is none, and kept for at least so long from now on. */
  stamps(keys: readonly string[], ttlMs: number): Promise<readonly FoundStamp[]>
  /** Changes the stamp at the key, and with it the fate of every entry that notes it. */
  restamp(key: string, mode?: InvalidationMode): Promise<void>
  /**
   * Hears of changes of the key from now on, as far as the store tells. Register before you read: what changes in
   * between is then not missed.
   */
  watch(key: string): Watch
  /**
   * Asks to be the one who refreshes what a live value stands for; `key` is beside the value's own. Whoever is elected
   * resigns; who does not, within `ms`, is forgotten.
   */
  elect(key: string, token: string, ms: number): Promise<Election>
  /** Makes way for the next; after a failure, only when `pauseMs` have passed. */
  resign(key: string, token: string, pauseMs?: number): Promise<void>
  /** Adds to a counter; the new value, `undefined` where nothing is kept. The ttl is set when the counter is made, in the same step, and not prolonged. */
  increment(key: string, by: number, ttlMs: number): Promise<number | undefined>
  /** Notes a removal that could not be carried out; until it is, nothing more is served from here. */
  defer(removal: Removal): void
  /** Ends it, after a last try at what was deferred; the number of deferred removals that were never carried out. */
  close(): Promise<number>
}
