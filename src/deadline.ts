import type { Clock } from './clock.ts'
import { CacheTroubleError } from './errors.ts'

/** The store did not answer in time. */
export class CommandTimeoutError extends CacheTroubleError {
  override readonly name = 'CommandTimeoutError'

  constructor(
    message: string,
    /** Our own event loop was blocked meanwhile, so the time-out says little about the store. */
    readonly stalled: boolean,
  ) {
    super('TIMEOUT', message)
  }
}

/** A timer that fires this much late was held up by our own event loop. */
const STALL_MS = 50

/**
 * The promise, or a {@link CommandTimeoutError} after `ms`. While it waits, the timer keeps the process alive (the
 * socket does not: an idle cache must not hold a script open).
 *
 * A deadline does not lie: when the reply already lies in the socket's buffer, it still wins. Timers run before I/O in
 * Node's loop, so after a blocked loop the timer always comes first; hence one more poll phase before judging. And when
 * it fires late, the time begins anew, once: the command itself may have waited for the loop before it was sent.
 */
export function withDeadline<T>(promise: Promise<T>, ms: number, what: string, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const started = clock.now()
    const late = (stalled: boolean) => {
      const error = () => reject(new CommandTimeoutError(`${what} took longer than ${Math.round(ms)} ms`, stalled))
      clock.setImmediate(error)
    }
    let timer = clock.setTimeout(() => {
      if (clock.now() - started - ms <= STALL_MS) late(false)
      else timer = clock.setTimeout(() => late(true), ms)
    }, ms)
    promise.then(
      (value) => {
        clock.clearTimeout(timer)
        resolve(value)
      },
      (error) => {
        clock.clearTimeout(timer)
        reject(error)
      },
    )
  })
}

/** `work`, or what `late` makes when it takes longer. The work goes on, and nobody hears of its failure then. */
export function orWhenLate<T, L>(work: Promise<T>, ms: number, clock: Clock, late: () => L): Promise<T | L> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      try {
        resolve(late())
      } catch (error) {
        reject(error)
      }
    }, ms)
    work.then(resolve, reject).finally(() => clock.clearTimeout(timer))
  })
}

/** Waits; the process may end meanwhile. */
export function sleep(ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimeout(resolve, ms).unref?.()
  })
}

/** Waits, and the process does not end meanwhile: for what somebody waits for. */
export function pause(ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimeout(resolve, ms)
  })
}
