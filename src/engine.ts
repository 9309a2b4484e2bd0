import type { Callee, ManyCall } from './call.ts'
import type { DirectAccess } from './direct.ts'
import type { CacheListener, CacheStats, Events } from './events.ts'
import type { Explanation } from './explanation.ts'
import type { Invalidator } from './invalidator.ts'
import type { KeyParts } from './key-plan.ts'
import type { Names } from './names.ts'
import type { OwnEntry } from './own-entry.ts'
import type { Policy, PolicyOf, RawPolicy } from './policy.ts'
import type { ReadThrough } from './read-through.ts'
import type { Space } from './space.ts'
import type { Near, StoreTier } from './tier.ts'
import type { SelfOption } from './types.ts'
import type { ArgumentLists, WarmOptions, WarmResult } from './warm.ts'

/** What doors hand calls of cached functions to. */
export type CallPath = Pick<ReadThrough, 'run' | 'refresh'> &
  Pick<OwnEntry, 'peek' | 'set' | 'update'> & {
    /** What a call brings that is a plain hit; `undefined` for one that has to be run. */
    hit(policy: Policy, self: unknown, args: readonly unknown[]): Promise<unknown> | undefined
    /** Each id is a call of its own; only what they load is loaded together. */
    many(call: ManyCall, how: 'run' | 'refresh'): Promise<unknown[]>
  }

/** What doors hand reads and writes by key to. */
export type Direct = Pick<DirectAccess, 'get' | 'getMany' | 'set' | 'setMany' | 'increment'>

/** What doors hand invalidations to. */
export type Invalidating = Pick<
  Invalidator,
  'invalidate' | 'everyKey' | 'invalidateTags' | 'invalidateAll' | 'removeOne' | 'removeStored'
>

/**
 * A cache behind its doors (`cached`, the decorators, the functions of the default instance). Copies of this package
 * that are loaded side by side use each other's default through it, so what is in it only ever grows.
 *
 * Until the first call `path`, `direct` and `invalidation` are stand-ins, whose methods load what they stand in for, go on there, and
 * have it put in their place. So doors ask for them anew at each call, and need to know nothing of loading.
 */
export interface CacheEngine {
  path: CallPath
  direct: Direct
  invalidation: Invalidating
  readonly events: Events
  /** What the options say of all functions; left out by versions that had no such options. */
  readonly common?: Common
  /** Makes policies of functions as they were declared. Until there is a core, their calls are settled when there is. */
  settle: Core['settle']
  stats(): CacheStats
  barrier(): Promise<void>
  close(): Promise<void>
  readonly warm: Core['warm']
  readonly explain: Core['explain']
}

/** What the options of a cache say of all its functions. */
export interface Common {
  /** What keys and tags of the running tenant begin with; `undefined` where there are no tenants. @throws NoTenantError */
  readonly tenant: (() => string) | undefined
  /** Empty for none. */
  readonly version: string
  readonly defaults: RawPolicy
}

/** A part of a cache with keys, and defaults, of its own. */
export interface Namespace {
  /** What its keys begin with, below the tenant. No other key has a `^`. */
  readonly keys: string
  /** Its own, behind those of the namespaces around it, each with a slash at its end. */
  readonly version: string
  readonly defaults: RawPolicy
}

/** An invalidation that was asked for, whoever will carry it out. */
export type InvalidationRequest = (invalidation: Invalidating) => Promise<unknown>

/** What only calls need. */
export interface Core {
  /** Writes of events; left out where nothing is to be written. */
  readonly log: CacheListener | undefined
  readonly path: CallPath
  readonly direct: Direct
  /** What is kept in this process of what stands in Redis, where something is. */
  near(): Near | undefined
  /** Every place that may hold something, the nearest first. */
  tiers(): Promise<readonly StoreTier[]>
  /** Loads what is not fresh. */
  warm(callee: Callee, lists: ArgumentLists, options?: WarmOptions): Promise<WarmResult>
  /** What is known of a call, or, where it is told in which space, of a key. */
  explain(
    target: Callee | KeyParts,
    space?: () => Space,
    args?: readonly unknown[],
    options?: SelfOption,
  ): Promise<Explanation>
  readonly invalidation: Invalidating
  /** The policies of a function's calls, in this cache. */
  settle(home: Home, declared: Policy): Policy | PolicyOf
  /** Takes note of invalidations that were asked for before there was a core. Before it serves anything, it carries them out. */
  takeOver(requests: readonly InvalidationRequest[]): Promise<unknown>
  /** The number of invalidations that could not be carried out. */
  close(): Promise<number>
}

/** Where functions are declared, which may be long before the cache itself is made. */
export interface Home {
  readonly names: Pick<Names, 'claim'>
  engine(): CacheEngine
  /** The engine is there, and may be asked while functions are declared. */
  readonly settled?: boolean
  /** Of one tenant alone, whoever calls: what its keys and tags begin with. */
  readonly tenant?: string
  readonly namespace?: Namespace
}
