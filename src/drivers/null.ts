import { CacheTroubleError } from '../errors.ts'
import { wirePacking } from '../packing.ts'
import { Watch } from '../watch.ts'
import type { Driver, Removal, State } from './driver.ts'

/** Beyond it, all that there is will be removed. */
const MAX_DEFERRED = 10_000
const ABSENT: State = Object.freeze({ kind: 'absent' })

export interface UnknownDriver extends Driver {
  /** It is known now: what was invalidated meanwhile, or is yet to be by who began before, is its to carry out. */
  handOver(driver: Driver): void
}

/**
 * What stands in while it is not known yet where to store: nothing is kept, but what is invalidated must not be forgotten.
 *
 * @param everything - a glob that matches all that the cache owns
 */
export function unknownDriver(everything: string): UnknownDriver {
  const deferred: Removal[] = []
  let heir: Driver | undefined
  const notYet = async (): Promise<never> => {
    throw new CacheTroubleError('UNKNOWN', 'it is not known yet where to store', true)
  }
  return {
    ...nullDriver(),
    away: () => true,
    invalidate: notYet,
    remove: notYet,
    restamp: notYet,
    defer(removal) {
      if (heir) heir.defer(removal)
      else if (deferred.push(removal) > MAX_DEFERRED) deferred.splice(0, deferred.length, { glob: everything })
    },
    handOver(driver) {
      heir = driver
      for (const removal of deferred) driver.defer(removal)
    },
    close: async () => deferred.length,
  }
}

/** Keeps nothing: every call goes to the function. For caching switched off, unit tests and edge runtimes. */
export function nullDriver(): Driver {
  return {
    name: 'null',
    packing: wirePacking,
    time: () => Date.now(),
    readNow: () => ABSENT,
    readMany: async (keys) => keys.map(() => ABSENT),
    acquire: async () => 'foreign',
    commit: async () => false,
    renew: async () => false,
    release: async () => false,
    put: async () => 0,
    invalidate: async () => 0,
    remove: async () => 0,
    retract: async () => false,
    async *scan() {},
    increment: async () => undefined,
    stamps: async () => [],
    restamp: async () => {},
    elect: async () => 'busy',
    resign: async () => {},
    watch: () => new Watch(() => {}),
    defer() {},
    close: async () => 0,
  }
}
