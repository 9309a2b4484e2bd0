import type { Clock } from '../clock.ts'
import type { Removal, State } from '../drivers/driver.ts'
import { CacheTroubleError } from '../errors.ts'
import { matches } from '../glob.ts'

const MAX_REMOVALS = 10_000
const AT_A_TIME = 200
/** Each is a scan through the whole of Redis: with more of them, one through all that is ours takes less. */
const MAX_GLOBS = 50
/** A server that comes back may have forgotten what it acknowledged so long ago, mostly much less. */
const REMEMBERED_MS = 60_000

/** What a read brings of a key that the journal covers. */
export const DEFERRED: Extract<State, { kind: 'error' }> = Object.freeze({
  kind: 'error',
  error: new CacheTroubleError('DEFERRED', 'what stands there is still to be removed', true),
})

interface Acknowledged {
  readonly removal: Removal
  readonly at: number
}

/**
 * Removals that were asked for and not yet carried out, and for a while those that were. Bounded and deduplicated; when
 * it overflows it widens to everything the cache owns, since to forget a removal would serve what was invalidated.
 */
export class Journal {
  readonly #pending = new Map<string, Removal>()
  /** Those of them that are pending: the only ones for which a key is compared. */
  readonly #globs = new Map<string, string>()
  /** The oldest first. */
  readonly #acknowledged = new Map<string, Acknowledged>()
  readonly #clock: Clock

  /** @param everything - globs that together match all that the cache owns */
  constructor(
    readonly everything: readonly string[],
    clock: Clock,
  ) {
    this.#clock = clock
  }

  get size(): number {
    return this.#pending.size
  }

  add(removal: Removal): void {
    const name = nameOf(removal)
    // Moved to the end, as a removal of its own: one that is being carried out may be older than what it has to remove.
    this.#pending.delete(name)
    this.#pending.set(name, { ...removal })
    if ('glob' in removal) this.#globs.set(name, removal.glob)
    if (this.#pending.size <= MAX_REMOVALS && this.#globs.size <= MAX_GLOBS) return
    this.#pending.clear()
    this.#globs.clear()
    for (const glob of this.everything) this.add({ glob })
  }

  /** Whether what stands at the key may be something that is still to be removed. */
  covers(key: string): boolean {
    if (this.#pending.size === 0) return false
    for (const glob of this.#globs.values()) if (matches(glob, key)) return true
    return WAYS.some((way) => this.#pending.has(way + key))
  }

  /**
   * Carries everything out, also what is added meanwhile. What fails stays noted: one server of a cluster that is away
   * keeps nobody from removing what the others hold. @throws the first failure, at the end
   */
  async replay(carryOut: (removal: Removal) => Promise<unknown>): Promise<void> {
    const failures: unknown[] = []
    const one = async (name: string, removal: Removal) => {
      try {
        await carryOut(removal)
        // Asked for again while it was carried out: it moved, and will be met again.
        if (this.#pending.get(name) !== removal) return
        this.#pending.delete(name)
        this.#globs.delete(name)
      } catch (error) {
        failures.push(error)
      }
    }
    // Several at a time: one by one, they might never catch up with what is added meanwhile.
    let batch: Promise<void>[] = []
    for (const [name, removal] of this.#pending) {
      batch.push(one(name, removal))
      if (batch.length < AT_A_TIME && batch.length < this.#pending.size) continue
      await Promise.all(batch)
      batch = []
    }
    await Promise.all(batch)
    if (failures.length > 0) throw failures[0]
  }

  /** It has been carried out. */
  acknowledge(removal: Removal): void {
    const name = nameOf(removal)
    const at = this.#clock.now()
    this.#forgetOld(at)
    this.#acknowledged.delete(name)
    this.#acknowledged.set(name, { removal, at })
    if (this.#acknowledged.size > MAX_REMOVALS) {
      this.#acknowledged.clear()
      for (const glob of this.everything) this.#acknowledged.set(nameOf({ glob }), { removal: { glob }, at })
    }
  }

  /**
   * The server may have forgotten what it has acknowledged: that is to be carried out again.
   *
   * @param isConcerned - of the key of an entry or a stamp, where only some may have been forgotten. Patterns always are.
   */
  revive(isConcerned: (key: string) => boolean = () => true): void {
    this.#forgetOld(this.#clock.now())
    for (const { removal } of this.#acknowledged.values()) {
      const key = 'key' in removal ? removal.key : 'stamp' in removal ? removal.stamp : undefined
      if (key === undefined || isConcerned(key)) this.add(removal)
    }
  }

  #forgetOld(now: number): void {
    for (const [name, { at }] of this.#acknowledged) {
      if (at >= now - REMEMBERED_MS) return
      this.#acknowledged.delete(name)
    }
  }
}

/** How names of removals begin that concern one key. */
const WAYS = ['remove key ', 'expire key ', 'remove stamp ', 'expire stamp ']

/** What is only to expire is noted apart: it must not take the place of a removal. */
function nameOf(removal: Removal): string {
  const mode = removal.mode ?? 'remove'
  if ('key' in removal) return `${mode} key ${removal.key}`
  return 'glob' in removal ? `${mode} glob ${removal.glob}` : `${mode} stamp ${removal.stamp}`
}
