/** What loads return, and what is set: it says of itself where it comes from. */
export interface Value {
  readonly key: string
  /** Of whose making it is, and which. */
  readonly version: string
  /** When its load began; of what was set, when it was. Nanoseconds of the machine's monotonic clock. */
  readonly began: number
  readonly from: 'load' | 'set'
  readonly filler: string
}

/** So many sets are known to have ended: more than are made while a value of one lives. */
const MOST_SETS = 500

/**
 * What one process may be served: once an invalidation of its own has resolved, deferred or not, no call that it begins
 * later gets a value whose load began before the invalidation was called. What other processes invalidate is the business
 * of the histories.
 */
export class Freshness {
  /** For each key: when the last invalidation that has resolved was called. */
  readonly #calledAt = new Map<string, number>()
  readonly #setAt = new Map<string, number>()

  /** It has resolved. */
  invalidated(keys: readonly string[], calledAt: number): void {
    for (const key of keys) this.#calledAt.set(key, Math.max(this.oldest(key), calledAt))
  }

  /** A set that has ended. One that has not, or has failed, may take effect at any time. */
  wasSet(version: string, endedAt: number): void {
    this.#setAt.set(version, endedAt)
    if (this.#setAt.size > MOST_SETS) this.#setAt.delete(this.#setAt.keys().next().value as string)
  }

  /** For a call that begins now: nothing that it gets may have begun before this. */
  oldest(key: string): number {
    return this.#calledAt.get(key) ?? Number.NEGATIVE_INFINITY
  }

  /** What is wrong with a value that a call was given, if something is. */
  fault(key: string, oldest: number, value: Value): { readonly rule: string; readonly text: string } | undefined {
    if (value?.key !== key) return { rule: 'wrong value', text: `${key} is ${JSON.stringify(value)?.slice(0, 200)}` }
    const lateMs = (oldest - this.#newestSense(value)) / 1e6
    if (lateMs <= 0) return undefined
    const text = `${key} is ${value.version} (${value.from}), from ${lateMs.toFixed(3)} ms before it was invalidated here`
    return { rule: 'stale', text }
  }

  #newestSense({ from, version, began }: Value): number {
    return from === 'load' ? began : (this.#setAt.get(version) ?? Number.POSITIVE_INFINITY)
  }
}
