import type { Clock } from '../clock.ts'
import type { RedisClient } from './client.ts'

const REMEASURE_MS = 60_000

/**
 * The server's time of day, told by our monotonic clock between two measurements: hosts whose clocks are minutes
 * apart, or are set back, agree on what has expired.
 */
export class ServerClock {
  readonly #clock: Clock
  /** Server's time minus our monotonic clock. Until it is known, our own time of day has to do. */
  #offset: number
  #measuredAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
    this.#offset = clock.wall() - clock.now()
  }

  now(): number {
    return this.at(this.#clock.now())
  }

  /** @param moment - by our monotonic clock */
  at(moment: number): number {
    return moment + this.#offset
  }

  get due(): boolean {
    return this.#clock.now() - this.#measuredAt > REMEASURE_MS
  }

  /** One TIME command, taken to have been answered half-way between sending and receiving. */
  async measure(client: RedisClient): Promise<void> {
    const sent = this.#clock.now()
    this.#measuredAt = sent
    const [seconds, microseconds] = await client.time()
    const middle = (sent + this.#clock.now()) / 2
    this.#offset = Number(seconds) * 1_000 + Number(microseconds) / 1_000 - middle
  }
}
