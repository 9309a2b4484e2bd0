import type { Removal } from '../drivers/driver.ts'

const MAX_REMOVALS = 1_000

/**
 * Removals that were asked for and not yet carried out. Bounded and deduplicated; when it overflows it widens to
 * everything the cache owns, since to forget a removal would serve what was invalidated.
 */
export class Journal {
  readonly #removals = new Map<string, Removal>()

  /** @param everything - globs that together match all that the cache owns */
  constructor(readonly everything: readonly string[]) {}

  get size(): number {
    return this.#removals.size
  }

  add(removal: Removal): void {
    const name = nameOf(removal)
    // Moved to the end, as a removal of its own: one that is being carried out may be older than what it has to remove.
    this.#removals.delete(name)
    this.#removals.set(name, { ...removal })
    if (this.#removals.size > MAX_REMOVALS) this.#widen()
  }

  /** Carries everything out, also what is added meanwhile. Stops at the first failure, with the rest still noted. */
  async replay(carryOut: (removal: Removal) => Promise<unknown>): Promise<void> {
    for (const [name, removal] of this.#removals) {
      await carryOut(removal)
      // Asked for again while it was carried out: it moved, and will be met again.
      if (this.#removals.get(name) === removal) this.#removals.delete(name)
    }
  }

  #widen(): void {
    this.#removals.clear()
    for (const glob of this.everything) this.#removals.set(nameOf({ glob }), { glob })
  }
}

/** What is only to expire is noted apart: it must not take the place of a removal. */
function nameOf(removal: Removal): string {
  const mode = removal.mode ?? 'remove'
  if ('key' in removal) return `${mode} key ${removal.key}`
  return 'glob' in removal ? `${mode} glob ${removal.glob}` : `${mode} stamp ${removal.stamp}`
}
