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
 * A point in time at which something is given up, whatever kind of timer watches it.
 *
 * It does not lie: when the reply already lies in the socket's buffer, it still wins. Timers run before I/O in Node's
 * loop, so after a blocked loop the timer always comes first; hence one more poll phase before judging. And when the timer
 * fires late, the time begins anew, once: the command itself may have waited for the loop before it was sent.
 */
export class Deadline {
  dueAt: number
  readonly #ms: number
  readonly #clock: Clock
  readonly #lapse: (stalled: boolean) => void
  #anew = false
  #ended = false

  constructor(ms: number, clock: Clock, lapse: (stalled: boolean) => void) {
    this.dueAt = clock.now() + ms
    this.#ms = ms
    this.#clock = clock
    this.#lapse = lapse
  }

  /** What it was for has come. False: too late. */
  end(): boolean {
    if (this.#ended) return false
    this.#ended = true
    return true
  }

  /** Its timer has fired. True: it begins anew, and needs another one. */
  fire(): boolean {
    const now = this.#clock.now()
    if (!this.#anew && now - this.dueAt > STALL_MS) {
      this.#anew = true
      this.dueAt = now + this.#ms
      return true
    }
    this.#clock.setImmediate(() => {
      if (this.end()) this.#lapse(this.#anew)
    })
    return false
  }
}

/** How a command that took too long is reported. */
export function tooLong(what: string, ms: number, stalled: boolean): CommandTimeoutError {
  return new CommandTimeoutError(`${what} took longer than ${Math.round(ms)} ms`, stalled)
}

/**
 * The promise, or a {@link CommandTimeoutError} after `ms`. While it waits, the timer keeps the process alive (the
 * socket does not: an idle cache must not hold a script open), unless it is for nobody in particular.
 */
export function withDeadline<T>(
  promise: Promise<T>,
  ms: number,
  what: string,
  clock: Clock,
  somebodyWaits = true,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const deadline = new Deadline(ms, clock, (stalled) => reject(tooLong(what, ms, stalled)))
    const fired = () => {
      if (deadline.fire()) timer = begin()
    }
    const begin = () => {
      const begun = clock.setTimeout(fired, ms)
      if (!somebodyWaits) begun.unref?.()
      return begun
    }
    let timer = begin()
    const ended = () => {
      clock.clearTimeout(timer)
      deadline.end()
    }
    promise.then(resolve, reject).finally(ended)
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
