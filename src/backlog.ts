import type { Removal } from './drivers/driver.ts'

/** Beyond it, all that there is will be removed. */
const MAX_REMOVALS = 10_000

/** Removals that nobody can carry out yet: nothing that was invalidated is forgotten, whatever else is. */
export class Backlog {
  readonly #everything: string
  #removals: Removal[] = []

  /** @param everything - a glob that matches all that the cache owns */
  constructor(everything: string) {
    this.#everything = everything
  }

  add(removal: Removal): void {
    if (this.#removals.push(removal) > MAX_REMOVALS) this.#removals = [{ glob: this.#everything }]
  }

  /** All of them, which are the taker's to carry out now. */
  take(): readonly Removal[] {
    return this.#removals.splice(0)
  }
}
