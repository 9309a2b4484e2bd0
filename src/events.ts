import type { InvalidationMode } from './drivers/driver.ts'
import type { CacheTroubleError } from './errors.ts'

/** Where a value came from: `near` is a copy, in this process, of what stands in Redis. */
export type Tier = 'memory' | 'redis' | 'near'

/** Why a call had to run the function. */
export type MissReason =
  /** Nothing is stored. */
  | 'absent'
  /** What is stored has outlived its ttl by the server's clock. */
  | 'expired'
  /** A tag of it was invalidated, or the stamp of one was lost. */
  | 'tag'
  /** What is stored is stale and may be served only if the function fails. */
  | 'stale'
  /** It was stored under another `version`. */
  | 'version'
  /** It is corrupt, cut short, or was written with another serializer. */
  | 'unreadable'
  /** It does not fit the `schema`. */
  | 'invalid'
  /** Something else stands at the key: another type, a counter, or a format of the future. It is left alone. */
  | 'foreign'
  /** Someone else is loading. */
  | 'leased'
  /** The last result was not to be stored, so there is nothing to wait for. */
  | 'passed'
  /** The store did not answer. */
  | 'unavailable'
  /** `refresh()` was called. */
  | 'refresh'
  /** A stale value was served, or one that will soon be, and is now renewed. */
  | 'revalidate'

/** Why a loaded result was not stored. */
export type UnstoredReason =
  /** `undefined`, `null` without `nullTtl`, or refused by `cacheIf`. */
  | 'uncacheable'
  /** It holds something that would not come back as what it was. */
  | 'unstorable'
  | 'too-large'
  /** It does not fit the `schema`. */
  | 'invalid'
  /** It was invalidated or overwritten while it was loaded, or the arguments were others by then than the key was made of. */
  | 'superseded'
  /** There was no lease to store it under: see the reason of the miss. */
  | 'unleased'
  /** The store did not answer. */
  | 'unavailable'

export type BypassReason =
  /** Caching is off: the null driver. */
  | 'disabled'
  /** The `bypass` option said so. */
  | 'option'
  /** No key could be made of the arguments, or it is not known for which tenant. */
  | 'unkeyable'
  /** Inside of a `commitScope` nothing is read or stored. */
  | 'uncommitted'
  /** The load of a key called for its own key again. */
  | 'reentrant'
  /** 10,000 loads are under way: no more are kept track of. */
  | 'overloaded'
  /** The part of this package that caches could not be loaded. */
  | 'unloaded'

interface OfCall {
  /** The static head of the key, or the function's name: without data, fit for logs and metric labels. */
  readonly name: string
}

interface OfKey extends OfCall {
  /** The key below the cache's prefix, with its tenant. It may hold personal data. */
  readonly key: string
}

/** The value came from the cache. */
export interface HitEvent extends OfKey {
  readonly type: 'hit'
  readonly tier: Tier
  /** It had outlived its ttl: served by `staleWhileRevalidate`, `staleIfError` or `softTimeout`. */
  readonly stale: boolean
  /** Since it was stored, in ms. */
  readonly ageMs: number
  /** Until it is stale, in ms; below zero when it is. */
  readonly ttlMs: number
}

/**
 * The function ran, for a call or to renew what a call was served, or a call shared another's run (`collapsed`, as in
 * RFC 9211).
 */
export interface MissEvent extends OfKey {
  readonly type: 'miss'
  readonly reason: MissReason
  readonly collapsed: boolean
  readonly loadMs: number
}

/** The function was called without looking at the cache. */
export interface BypassEvent extends OfCall {
  readonly type: 'bypass'
  readonly reason: BypassReason
}

/** The function threw; its caller got just that error, or a stale value that was kept for it. */
export interface LoadErrorEvent extends OfKey {
  readonly type: 'load-error'
  readonly reason: MissReason
  readonly collapsed: boolean
  readonly loadMs: number
  readonly error: unknown
}

/** What became of a loaded result. */
export interface StoreEvent extends OfKey {
  readonly type: 'store'
  readonly tier: Tier
  readonly stored: boolean
  readonly reason?: UnstoredReason
  /** Of a stored value, in bytes: exact in Redis, an estimate in memory. */
  readonly size?: number
}

export interface InvalidateEvent {
  readonly type: 'invalidate'
  /** The key or pattern below the prefix; a tag with `#` before it. */
  readonly target: string
  readonly mode: InvalidationMode
  readonly removed: number
  readonly deferred: boolean
}

/** Invalidations that had been deferred, or that a server which started anew may have forgotten, have been carried out. */
export interface ReplayEvent {
  readonly type: 'replay'
  readonly count: number
}

/** Trouble with the cache that was swallowed. */
export interface TroubleEvent extends OfCall {
  readonly type: 'trouble'
  readonly operation: string
  readonly error: CacheTroubleError
}

/** Something to put right in the code or the configuration, found at run time. Logged once for each name and code. */
export interface NoticeEvent extends OfCall {
  readonly type: 'notice'
  readonly code:
    | 'caching-off'
    | 'no-prefix'
    | 'no-tenant'
    | 'unkeyable'
    | 'unstorable'
    | 'too-large'
    | 'invalid'
    | 'defaults'
    | 'callback-threw'
    | 'polling'
    | 'undelivered'
    | 'unloaded'
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
}

export interface ConnectionEvent {
  readonly type: 'connection'
  readonly state: 'ready' | 'lost' | 'failed'
  readonly error?: CacheTroubleError
}

/** Everything that happens, once each. Logs, stats and tests are made from it; so can your metrics be. */
export type CacheEvent =
  | HitEvent
  | MissEvent
  | BypassEvent
  | LoadErrorEvent
  | StoreEvent
  | InvalidateEvent
  | ReplayEvent
  | TroubleEvent
  | NoticeEvent
  | ConnectionEvent

export type CacheListener = (event: CacheEvent) => void

/** Counts since the cache was made. */
export interface CacheStats {
  readonly hits: number
  /** Hits that were served from near copies: they are counted among `hits`, too. */
  readonly nearHits: number
  /** Runs of a function that brought a result, those that renew stale values included, and calls that shared one. */
  readonly misses: number
  /** Misses that shared another caller's run of the function. */
  readonly collapsed: number
  readonly bypasses: number
  /** Runs of a function that threw, and calls that shared one. */
  readonly loadErrors: number
  readonly stores: number
  /** Loaded results that were not stored. */
  readonly unstored: number
  readonly invalidations: number
  /** Troubles with the store that were swallowed. */
  readonly troubles: number
  /** Of the near cache, where there is one and Redis has been asked for something. */
  readonly near?: NearStats
}

/** What is kept in this process of what stands in Redis. */
export interface NearStats {
  /** Values, and stamps of their tags. */
  readonly items: number
  /** An estimate. */
  readonly bytes: number
  /** How old, in ms, what is served from there may be at this moment, counted from when it was last certain to be current. */
  readonly stalenessMs: number
  /** The bound that `stalenessMs` never exceeds: the option `near.maxStaleness`. */
  readonly maxStalenessMs: number
}

/** Hands events to whoever listens. A listener that throws harms nobody. */
export class Events {
  readonly #log: CacheListener | undefined
  #listeners: readonly CacheListener[] = []
  readonly #counts = {
    hits: 0,
    nearHits: 0,
    misses: 0,
    collapsed: 0,
    bypasses: 0,
    loadErrors: 0,
    stores: 0,
    unstored: 0,
    invalidations: 0,
    troubles: 0,
  }

  /** @param log - hears everything but hits, of which it has nothing to say */
  constructor(log: CacheListener | undefined) {
    this.#log = log
  }

  /** Counts a hit without an event object, for when {@link heard} is false: hits are the hot path. */
  countHit(near = false): void {
    this.#counts.hits++
    if (near) this.#counts.nearHits++
  }

  /** Whether anybody would see an event of a hit. */
  get heard(): boolean {
    return this.#listeners.length > 0
  }

  emit(event: CacheEvent): void {
    this.#count(event)
    if (this.#log) tell(this.#log, event)
    for (const listener of this.#listeners) tell(listener, event)
  }

  /** Returns a function that ends it. */
  on(listener: CacheListener): () => void {
    // Wrapped, so that the same function can be registered twice and each registration ended by itself.
    const own: CacheListener = (event) => listener(event)
    this.#listeners = [...this.#listeners, own]
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== own)
    }
  }

  stats(): Omit<CacheStats, 'near'> {
    return { ...this.#counts }
  }

  #count(event: CacheEvent): void {
    const counts = this.#counts
    switch (event.type) {
      case 'hit':
        this.countHit(event.tier === 'near')
        break
      case 'miss':
        counts.misses++
        if (event.collapsed) counts.collapsed++
        break
      case 'bypass':
        counts.bypasses++
        break
      case 'load-error':
        counts.loadErrors++
        break
      case 'store':
        if (event.stored) counts.stores++
        else counts.unstored++
        break
      case 'invalidate':
        counts.invalidations++
        break
      case 'trouble':
        counts.troubles++
    }
  }
}

/** Reporting must not change what is reported on, and there is nowhere left to report to. */
function tell(listener: CacheListener, event: CacheEvent): void {
  try {
    const told: unknown = listener(event)
    if (told instanceof Promise) told.catch(() => {})
  } catch {}
}
