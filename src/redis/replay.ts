import type { Clock } from '../clock.ts'
import { sleep } from '../deadline.ts'
import type { Removal } from '../drivers/driver.ts'
import type { Journal } from './journal.ts'

/** How often it is tried to carry out what was deferred. */
const EVERY_MS = 500

export interface ReplayOptions {
  readonly journal: Journal
  readonly clock: Clock
  readonly carryOut: (removal: Removal) => Promise<unknown>
  /** Everything that was deferred has been carried out: so many removals. */
  readonly onReplayed: (count: number) => void
}

/** Carries out what is noted in a journal, again and again until nothing is left. */
export class Replay {
  readonly #options: ReplayOptions
  #running = false
  #ended = false
  #wake = () => {}

  constructor(options: ReplayOptions) {
    this.#options = options
  }

  /** When something has been noted. It is tried at once, unless it was in vain a moment ago. */
  start(): void {
    void this.#run()
  }

  /** When it may go better than the last time. */
  wake(): void {
    this.#wake()
    void this.#run()
  }

  end(): void {
    this.#ended = true
  }

  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    const { journal, clock, carryOut, onReplayed } = this.#options
    // Until the first turn is over, whatever else is to be noted with it has been.
    await null
    let count = 0
    while (journal.size > 0 && !this.#ended) {
      try {
        await journal.replay(async (removal) => {
          await carryOut(removal)
          journal.acknowledge(removal)
          count++
        })
      } catch {
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        await Promise.race([woken, sleep(EVERY_MS * (0.5 + Math.random() / 2), clock)])
      }
    }
    this.#running = false
    if (count > 0) onReplayed(count)
  }
}
