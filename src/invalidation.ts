import type { Driver, Removal } from './drivers/driver.ts'
import { CacheConfigError, CacheTroubleError, messageOf } from './errors.ts'
import type { Events } from './events.ts'
import type { Guard } from './guard.ts'
import { type KeyParts, keyOf } from './key-plan.ts'
import { isPattern, literalPattern, spelledPattern } from './pattern.ts'
import type { Store } from './store.ts'

export interface InvalidateResult {
  /** How many entries were there and are gone. */
  readonly removed: number
  /** Redis was away: the removal is noted and carried out before this process is served from Redis again. */
  readonly deferred: boolean
}

/** Removes entries by key or by pattern, from every place where this cache keeps some. */
export class Invalidation {
  readonly #store: Store
  readonly #guard: Guard
  readonly #events: Events
  readonly #scope: string

  constructor(store: Store, guard: Guard, events: Events, scope: string) {
    this.#store = store
    this.#guard = guard
    this.#events = events
    this.#scope = scope
  }

  /** @throws CacheConfigError when the target names nothing */
  async invalidate(target: KeyParts): Promise<InvalidateResult> {
    if (typeof target !== 'string' || !isPattern(target)) return this.remove(directKey(target, 'invalidate'))
    const glob = spelledPattern(target)
    return this.#carryOut(glob, { glob: literalPattern(this.#scope) + glob })
  }

  /** Removes one key, as it is. */
  remove(key: string): Promise<InvalidateResult> {
    return this.#carryOut(key, { key: this.#scope + key })
  }

  /** For `@CacheInvalidate`: whatever goes wrong here, the outcome of the method stands. */
  async invalidateAll(name: string, targetsOf: () => readonly KeyParts[]): Promise<void> {
    try {
      for (const target of targetsOf()) await this.invalidate(target)
    } catch (error) {
      const message = `after ${name} nothing was invalidated: ${messageOf(error)}`
      this.#events.emit({ type: 'notice', code: 'callback-threw', level: 'error', name, message })
    }
  }

  async #carryOut(target: string, removal: Removal): Promise<InvalidateResult> {
    let removed = 0
    let deferred = false
    for (const { driver } of await this.#store.tiers()) {
      const count = await this.#guard('invalidate', 'invalidate', () => carryOut(driver, removal))
      if (count instanceof CacheTroubleError) {
        driver.defer(removal)
        deferred = true
      } else removed += count
    }
    this.#events.emit({ type: 'invalidate', target, removed, deferred })
    return { removed, deferred }
  }
}

/** A key that code names directly. @throws CacheConfigError */
export function directKey(key: KeyParts, what: string): string {
  try {
    return keyOf(key, `the key given to ${what}`)
  } catch (error) {
    throw new CacheConfigError(messageOf(error))
  }
}

async function carryOut(driver: Driver, removal: Removal): Promise<number> {
  if ('key' in removal) return driver.remove([removal.key])
  let removed = 0
  for await (const keys of driver.scan(removal.glob)) removed += await driver.remove(keys)
  return removed
}
