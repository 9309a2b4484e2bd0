import { type Clock, systemClock, type Timer } from '../clock.ts'
import { type Duration, milliseconds } from '../duration.ts'
import { HandClock } from './hand-clock.ts'

/**
 * A clock that stands still until it is moved. A test cache goes by it and by nothing else: neither the system's time nor
 * the fake timers of a test runner make a difference to it, and it makes none to them.
 *
 * @example
 * ```ts
 * import { createTestCache } from 'cachewell/testing'
 *
 * const cache = createTestCache()
 * await cache.set('greeting', 'hello', { ttl: '5m' })
 * await cache.clock.advance('5m')
 * await cache.get('greeting') // undefined
 * ```
 */
export class TestClock implements Clock {
  readonly #hand = new HandClock()
  /** Turns of the loop that were asked for and have not come. */
  #turns = 0
  #moving: Promise<void> = Promise.resolve()

  now(): number {
    return this.#hand.now()
  }

  wall(): number {
    return this.#hand.wall()
  }

  setTimeout(callback: () => void, ms: number): Timer {
    return this.#hand.setTimeout(callback, ms)
  }

  clearTimeout(timer: Timer): void {
    this.#hand.clearTimeout(timer)
  }

  setImmediate(callback: () => void): void {
    this.#turns++
    this.#hand.setImmediate(() => {
      this.#turns--
      callback()
    })
  }

  /**
   * Moves on. Timers that come due meanwhile go off in their order, each at its own time, and what they set off comes to
   * rest before the next. Functions that wait for something real (a file, a socket, the runner's timers) are not waited
   * for.
   *
   * @param duration - as everywhere: `'5m'`, or a number of seconds
   * @throws CacheConfigError when it is no duration
   */
  advance(duration: Duration): Promise<void> {
    const ms = milliseconds(duration, 'what the clock is advanced by')
    // One after the other, also where nobody waits for the first.
    this.#moving = this.#moving.then(() => this.#advanceTo(this.#hand.now() + ms))
    return this.#moving
  }

  /** Waits until the clock has been moved on by so much: what a function in a test does in place of taking time. */
  sleep(duration: Duration): Promise<void> {
    const ms = milliseconds(duration, 'what to sleep for')
    return new Promise((resolve) => {
      this.setTimeout(resolve, ms)
    })
  }

  /** Waits for what goes on without time: promises that follow from each other. */
  async settle(): Promise<void> {
    do await new Promise<void>((resolve) => systemClock.setImmediate(resolve))
    while (this.#turns > 0)
  }

  async #advanceTo(time: number): Promise<void> {
    // What is under way may be about to set a timer that is due in between.
    await this.settle()
    for (let next = this.#hand.nextAt; next !== undefined && next <= time; next = this.#hand.nextAt) {
      this.#hand.advance(Math.max(0, next - this.#hand.now()))
      await this.settle()
    }
    this.#hand.advance(time - this.#hand.now())
    await this.settle()
  }
}
