import type { Clock, Timer } from './clock.ts'
import { Deadline } from './deadline.ts'

/**
 * Deadlines of one length, over one timer: they come due in the order in which they began. To set a timer for each command
 * and to clear it again takes longer than to look at its reply. While any of them is open, the timer keeps the process
 * alive.
 */
export class Deadlines {
  readonly #ms: number
  readonly #clock: Clock
  /** In order of when they are due. */
  readonly #open = new Set<Deadline>()
  #timer: Timer | undefined

  constructor(ms: number, clock: Clock) {
    this.#ms = ms
    this.#clock = clock
  }

  /** @param lapse - called when it has not been ended in time; `stalled` where our own loop was blocked meanwhile */
  begin(lapse: (stalled: boolean) => void): Deadline {
    const deadline = new Deadline(this.#ms, this.#clock, lapse)
    this.#open.add(deadline)
    if (this.#timer === undefined) this.#wait(this.#ms)
    else if (this.#open.size === 1) this.#timer.ref?.()
    return deadline
  }

  /** What it was for has come. False: too late. */
  end(deadline: Deadline): boolean {
    this.#open.delete(deadline)
    if (this.#open.size === 0) this.#timer?.unref?.()
    return deadline.end()
  }

  #wait(ms: number): void {
    this.#timer = this.#clock.setTimeout(() => this.#check(), Math.ceil(ms))
  }

  #check(): void {
    this.#timer = undefined
    const now = this.#clock.now()
    for (const deadline of this.#open) {
      const left = deadline.dueAt - now
      // A timer may come a little early.
      if (left >= 1) {
        this.#wait(left)
        return
      }
      this.#open.delete(deadline)
      // Behind all others: it is due after them.
      if (deadline.fire()) this.#open.add(deadline)
    }
  }
}
