import type { Clock } from '../clock.ts'
import { sleep } from '../deadline.ts'

const MAX_LEASES = 10_000
/** What was sent on the connection before may be carried out after what is sent on this one: hence once more. */
const AGAIN_MS = 1_000

type Release = (key: string, head: string) => Promise<unknown>

/**
 * Leases that may stand in the store although nobody will use them: what became of the command that asked for one, or
 * that would have ended it, is not known. Everyone would wait for a value that never comes, until they run out.
 */
export class Leftovers {
  /** By the heads of the leases, which are all different. */
  readonly #leases = new Map<string, { readonly key: string; readonly until: number }>()
  readonly #clock: Clock
  #clearing = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param ms - until it has run out by itself at the latest */
  add(key: string, head: string, ms: number): void {
    this.#leases.set(head, { key, until: this.#clock.now() + ms })
    if (this.#leases.size > MAX_LEASES) this.#leases.delete(this.#leases.keys().next().value as string)
  }

  /** To be called when the store is there again. `release` removes a lease only where it still stands. */
  async clear(release: Release): Promise<void> {
    if (this.#clearing || this.#leases.size === 0) return
    this.#clearing = true
    await this.#releaseAll(release)
    await sleep(AGAIN_MS, this.#clock)
    for (const head of await this.#releaseAll(release)) this.#leases.delete(head)
    this.#clearing = false
  }

  /** Those that are done with. */
  async #releaseAll(release: Release): Promise<string[]> {
    const now = this.#clock.now()
    const leases = [...this.#leases]
    const tries = leases.map(async ([head, { key, until }]) => until < now || release(key, head))
    const outcomes = await Promise.allSettled(tries)
    return leases.flatMap(([head], i) => (outcomes[i]?.status === 'fulfilled' ? [head] : []))
  }
}
