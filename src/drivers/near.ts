import type { Isolation } from '../isolation.ts'
import { KeptBody, keptPacking } from '../packing.ts'
import type { Journal } from '../redis/journal.ts'
import type { NearCopies } from '../redis/near-copies.ts'
import type { Topology } from '../redis/topology.ts'
import type { Driver, Removal, State } from './driver.ts'

export interface NearOptions {
  readonly copies: NearCopies
  readonly topology: Pick<Topology, 'feedOf'>
  readonly isolation: Isolation
  /** What is still to be removed. */
  readonly journal: Pick<Journal, 'size' | 'covers'>
  /**
   * Whether a load is what asks. It is not served copies: what is made of one would be stored, and stand for as long as
   * its ttl, where the copy itself is stale for a moment only.
   */
  readonly isInLoad: () => boolean
}

/** A driver that keeps no copies: what is written through it ends those that there are at once, before its writer goes on. */
export function copyEndingDriver(
  driver: Driver,
  { copies, topology }: { readonly copies: NearCopies; readonly topology: Pick<Topology, 'announce'> },
): Driver {
  const end = (removal: Removal) => {
    if ('glob' in removal) copies.changedWhere(removal.glob)
    else copies.changed('key' in removal ? removal.key : removal.stamp)
  }
  const changed = (removal: Removal) => {
    end(removal)
    topology.announce(removal)
  }
  // Before it is sent: the caller of a load does not wait for the store, and is not to be served the old copy when he calls
  // again. And when it is answered: a read that was sent before it may have brought the old value since.
  const written = async <T>(removals: readonly Removal[], write: () => Promise<T>): Promise<T> => {
    removals.forEach(end)
    try {
      return await write()
    } finally {
      removals.forEach(changed)
    }
  }

  return {
    ...driver,
    commit: (key, head, draft) => written([{ key }], () => driver.commit(key, head, draft)),
    retract: (key, head) => written([{ key }], () => driver.retract(key, head)),
    increment: (key, by, ttlMs) => written([{ key }], () => driver.increment(key, by, ttlMs)),
    put: (items) => written(items, () => driver.put(items)),
    invalidate: (removal, sweep) => written([removal], () => driver.invalidate(removal, sweep)),

    defer(removal) {
      driver.defer(removal)
      changed(removal)
    },

    async close() {
      copies.allChanged()
      return driver.close()
    },
  }
}

/**
 * A driver that keeps copies of what it reads in this process. Filled by reads only: what a load has stored is copied
 * when it is read again.
 *
 * @param driver - ends copies of what is written through it
 */
export function nearDriver(driver: Driver, options: NearOptions): Driver {
  const { copies, topology, isolation, journal, isInLoad } = options
  return {
    ...driver,
    packing: keptPacking(isolation),

    find(shownKey, version) {
      // While something is still to be removed, each key has to be looked at: on the long way.
      return journal.size > 0 || isInLoad() ? undefined : copies.find(shownKey, version)
    },

    readNow: (key) => (isInLoad() || journal.covers(key) ? undefined : copies.get(copies.places.of(key))),

    async readMany(keys) {
      // Before anything is sent: see NearCopies.
      const reads = keys.map((key) => copies.begin(key, topology.feedOf(key)))
      let states: readonly State[] = []
      try {
        states = (await driver.readMany(keys)).map(kept)
        return states
      } finally {
        reads.forEach((read, i) => {
          if (read) copies.end(keys[i] as string, read, states[i] ?? { kind: 'absent' })
        })
      }
    },
  }
}

/** Parsed once, for all who will be served the copy. */
function kept(state: State): State {
  return state.kind === 'value' ? { ...state, body: new KeptBody(state.body) } : state
}
