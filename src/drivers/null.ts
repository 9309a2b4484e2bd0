import type { Backlog } from '../backlog.ts'
import { CacheTroubleError } from '../errors.ts'
import { CACHE_CLOSED } from '../guard.ts'
import { wirePacking } from '../packing.ts'
import { Watch } from '../watch.ts'
import type { Driver, State } from './driver.ts'

const ABSENT: State = Object.freeze({ kind: 'absent' })

export interface UnknownDriver extends Driver {
  /** It is known now: what was invalidated meanwhile, or is yet to be by who began before, is its to carry out. */
  handOver(driver: Driver): void
}

/**
 * What stands in while it is not known yet where to store: nothing is kept, but what is invalidated must not be forgotten.
 *
 * @param backlog - what was invalidated before there was even this driver, and is from now on
 */
export function unknownDriver(backlog: Backlog): UnknownDriver {
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
    async *scan() {
      yield await notYet()
    },
    defer(removal) {
      if (heir) heir.defer(removal)
      else backlog.add(removal)
    },
    handOver(driver) {
      heir = driver
      for (const removal of backlog.take()) driver.defer(removal)
    },
    close: async () => backlog.take().length,
  }
}

/**
 * What stands in when the cache has been closed over a store that outlives it: nothing is kept, and what is to be removed from
 * there is not, which must not pass for done.
 */
export function closedDriver(onUndelivered: () => void): Driver {
  const closed = async (): Promise<never> => {
    throw new CacheTroubleError(CACHE_CLOSED, 'the cache is closed', true)
  }
  return {
    ...nullDriver(),
    invalidate: closed,
    remove: closed,
    restamp: closed,
    async *scan() {
      yield await closed()
    },
    defer: onUndelivered,
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
