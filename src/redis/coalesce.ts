import type { Driver, State } from '../drivers/driver.ts'
import { CacheTroubleError } from '../errors.ts'
import type { Joinable, Near, StoreTier } from '../tier.ts'

/** A batch is sent in one command; beyond this it would hold up the server for too long. */
const MAX_BATCH = 512

/** A store outside of the process, of which reads of one tick are one command. */
export function coalescedTier(driver: Driver, near?: Near): StoreTier {
  const join = coalesceReads((keys) => driver.readMany(keys))
  return { driver, join, read: (key) => join(key).promise, flights: new Map(), renewing: new Set(), near }
}

/**
 * Reads of one tick become one command. Whoever asks for a key joins a read of it that has not been sent yet, never
 * one that has: its answer may be older than the asker.
 *
 * `process.nextTick` from within a promise callback runs when all promise callbacks have run, so everything that one
 * tick sets off is in the batch, and a lone read is sent as early as it would have been.
 */
export function coalesceReads(
  readMany: (keys: readonly string[]) => Promise<readonly State[]>,
): (key: string) => Joinable {
  let waiting = new Map<string, Waiting>()

  const flush = async () => {
    const batch = waiting
    waiting = new Map()
    const keys = [...batch.keys()]
    for (let i = 0; i < keys.length; i += MAX_BATCH) send(keys.slice(i, i + MAX_BATCH), batch)
  }
  const readAll = async (keys: readonly string[]) => {
    const states = await readMany(keys)
    if (states.length !== keys.length) throw new CacheTroubleError('GARBAGE', 'a read was answered for other keys')
    return states
  }
  const send = async (keys: readonly string[], batch: Map<string, Waiting>) => {
    const states = await readAll(keys).catch((error: Error) => keys.map((): State => ({ kind: 'error', error })))
    keys.forEach((key, i) => {
      batch.get(key)?.resolve(states[i] as State)
    })
  }

  return (key) => {
    const joined = waiting.get(key)
    if (joined) return joined
    if (waiting.size === 0) process.nextTick(flush)
    let resolve!: (state: State) => void
    const promise = new Promise<State>((settle) => {
      resolve = settle
    })
    const read = { promise, resolve, gathering: undefined }
    waiting.set(key, read)
    return read
  }
}

interface Waiting extends Joinable {
  readonly resolve: (state: State) => void
}
