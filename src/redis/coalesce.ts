import { nextTick } from '../clock.ts'
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

  const flush = () => {
    const keys = [...waiting.keys()]
    const reads = [...waiting.values()]
    waiting = new Map()
    if (keys.length <= MAX_BATCH) send(keys, reads)
    else
      for (let i = 0; i < keys.length; i += MAX_BATCH) send(keys.slice(i, i + MAX_BATCH), reads.slice(i, i + MAX_BATCH))
  }
  const send = (keys: readonly string[], reads: readonly Waiting[]) => {
    const failed = (error: Error) => {
      for (const read of reads) read.resolve({ kind: 'error', error })
    }
    const answered = (states: readonly State[]) => {
      if (states.length !== reads.length) {
        failed(new CacheTroubleError('GARBAGE', 'a read was answered for other keys'))
        return
      }
      for (let i = 0; i < reads.length; i++) reads[i]?.resolve(states[i] as State)
    }
    try {
      readMany(keys).then(answered, failed)
    } catch (error) {
      failed(error as Error)
    }
  }

  return (key) => {
    const joined = waiting.get(key)
    if (joined) return joined
    if (waiting.size === 0) nextTick(flush)
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
