import { type Clock, systemClock, type Timer } from '../clock.ts'

interface Waiting extends Timer {
  readonly at: number
  readonly callback: () => void
}

/** A clock that stands still until it is moved. */
export class HandClock implements Clock {
  #now = 1_000
  readonly #timers = new Set<Waiting>()
  wallOffset = 1_700_000_000_000

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#now + this.wallOffset
  }

  setTimeout(callback: () => void, ms: number): Timer {
    const timer: Waiting = { at: this.#now + ms, callback }
    this.#timers.add(timer)
    return timer
  }

  clearTimeout(timer: Timer): void {
    this.#timers.delete(timer as Waiting)
  }

  /** Of the real loop: it is a turn, and no time. */
  setImmediate(callback: () => void): void {
    systemClock.setImmediate(callback)
  }

  /** When the next timer is due; `undefined` when there is none. */
  get nextAt(): number | undefined {
    let next: number | undefined
    for (const { at } of this.#timers) if (next === undefined || at < next) next = at
    return next
  }

  /** Timers that come due are called one after the other, all of them at the end of it. */
  advance(ms: number): void {
    this.#now += ms
    for (const timer of [...this.#timers].sort((a, b) => a.at - b.at)) {
      if (timer.at > this.#now || !this.#timers.delete(timer)) continue
      timer.callback()
    }
  }
}
