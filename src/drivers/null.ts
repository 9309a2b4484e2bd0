import { wirePacking } from '../packing.ts'
import { Watch } from '../watch.ts'
import type { Driver, State } from './driver.ts'

const ABSENT: State = Object.freeze({ kind: 'absent' })

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
