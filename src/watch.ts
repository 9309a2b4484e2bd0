import type { Clock } from './clock.ts'

/** Hears of changes of one key. A change between two waits is not lost: the next wait is over at once. */
export class Watch {
  #changed = false
  #wake: (() => void) | undefined

  /** @param end - called when nobody wants to hear any more */
  constructor(readonly end: (watch: Watch) => void) {}

  changed(): void {
    this.#changed = true
    this.#wake?.()
  }

  /** Until a change, but for `ms` at most: news can be late, or be lost with the connection that brings them. */
  wait(ms: number, clock: Clock): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.setTimeout(() => this.#wake?.(), ms)
      this.#wake = () => {
        clock.clearTimeout(timer)
        this.#wake = undefined
        this.#changed = false
        resolve()
      }
      if (this.#changed) this.#wake()
    })
  }
}

/** Who watches which key. */
export class Watchers {
  readonly #watches = new Map<string, Set<Watch>>()

  get size(): number {
    return this.#watches.size
  }

  /** @param whenNoneIsLeft - called when the last watch of all has ended */
  watch(key: string, whenNoneIsLeft = () => {}): Watch {
    const watches = this.#watches.get(key) ?? new Set()
    this.#watches.set(key, watches)
    const watch = new Watch((ended) => {
      watches.delete(ended)
      if (watches.size === 0 && this.#watches.get(key) === watches) this.#watches.delete(key)
      if (this.#watches.size === 0) whenNoneIsLeft()
    })
    watches.add(watch)
    return watch
  }

  changed(key: string): void {
    for (const watch of this.#watches.get(key) ?? []) watch.changed()
  }

  /** Anything may have changed. */
  allChanged(): void {
    for (const watches of this.#watches.values()) for (const watch of watches) watch.changed()
  }
}
