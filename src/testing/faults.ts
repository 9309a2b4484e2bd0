import type { Clock } from '../clock.ts'
import { pause, withDeadline } from '../deadline.ts'
import type { Driver, Looked, Removal } from '../drivers/driver.ts'
import { CacheTroubleError } from '../errors.ts'
import { REMOVE_TIMEOUT_MS } from '../redis/topology.ts'

/** What is wrong with the store at the moment. */
export interface Faults {
  down: boolean
  /** Writes are refused. */
  full: boolean
  /** What each command takes, by the clock. */
  slowMs: number
}

export interface FaultyOptions {
  readonly faults: Readonly<Faults>
  readonly clock: Clock
  readonly commandTimeoutMs: number
}

/** What connections say while there is none. */
export const awayError = () => new CacheTroubleError('AWAY', 'Redis is away')

/** A driver around the driver that fails as a Redis does which is away, slow, or full: by the same errors, in the same places. */
export function faultyDriver(driver: Driver, { faults, clock, commandTimeoutMs }: FaultyOptions): Driver {
  const send = async <T>(command: string, work: () => Promise<T>, timeoutMs = commandTimeoutMs): Promise<T> => {
    if (faults.down) throw awayError()
    if (faults.slowMs === 0) return work()
    // As on a server: what was sent is carried out, also when nobody waits for the reply any more.
    const reply = pause(faults.slowMs, clock).then(() => {
      if (faults.down) throw awayError()
      return work()
    })
    return withDeadline(reply, timeoutMs, command, clock)
  }
  const write = <T>(command: string, work: () => Promise<T>, timeoutMs?: number): Promise<T> =>
    send(
      command,
      async () => {
        if (faults.full) throw fullError()
        return work()
      },
      timeoutMs,
    )

  return {
    ...driver,
    away: () => faults.down,
    look: driver.look && ((key) => send('GET', async () => driver.look?.(key) as Promise<Looked>)),
    readMany: (keys) => send('MGET', () => driver.readMany(keys)),
    acquire: (key, request) => {
      const timeoutMs = Math.max(commandTimeoutMs / 5, commandTimeoutMs - (request.spentMs ?? 0))
      return write('acquire', () => driver.acquire(key, request), timeoutMs)
    },
    commit: (key, head, draft) => write('commit', () => driver.commit(key, head, draft)),
    renew: (key, token, leaseMs) => send('renew', () => driver.renew(key, token, leaseMs)),
    release: (key, token, passMs) => {
      const work = () => driver.release(key, token, passMs)
      return passMs === undefined ? send('release', work) : write('release', work)
    },
    put: (items) => write('SET', () => driver.put(items)),
    invalidate: (removal, sweep) => {
      const work = () => driver.invalidate(removal, sweep)
      return (isWrite(removal) ? write : send)('invalidate', work, REMOVE_TIMEOUT_MS)
    },
    remove: (keys, mode) =>
      (mode === 'expire' ? write : send)('remove', () => driver.remove(keys, mode), REMOVE_TIMEOUT_MS),
    retract: (key, head) => send('retract', () => driver.retract(key, head)),
    async *scan(glob, looked) {
      await send('SCAN', async () => {}, REMOVE_TIMEOUT_MS)
      yield* driver.scan(glob, looked)
    },
    stamps: (keys, ttlMs) =>
      send('stamp', async () => {
        // One that is there is only kept for longer, which takes no memory.
        const made = faults.full && (await driver.readMany(keys)).some(({ kind }) => kind !== 'stamp')
        if (made) throw fullError()
        return driver.stamps(keys, ttlMs)
      }),
    restamp: (key, mode) => write('restamp', () => driver.restamp(key, mode), REMOVE_TIMEOUT_MS),
    elect: (key, token, ms) => write('elect', () => driver.elect(key, token, ms)),
    resign: (key, token, pauseMs) => {
      const work = () => driver.resign(key, token, pauseMs)
      return pauseMs === undefined ? send('resign', work) : write('resign', work)
    },
    increment: (key, by, ttlMs) => write('increment', () => driver.increment(key, by, ttlMs)),
  }
}

/** To remove needs no memory; to put something in the place of what was there does. */
function isWrite(removal: Removal): boolean {
  return 'stamp' in removal || removal.mode === 'expire'
}

function fullError(): CacheTroubleError {
  return new CacheTroubleError('OOM', "OOM command not allowed when used memory > 'maxmemory'.", true)
}
