import type { Clock } from './clock.ts'
import { awaitInScope } from './commit-scope.ts'
import type { Core } from './engine.ts'
import { messageOf } from './errors.ts'
import type { Events } from './events.ts'

const RETRY_MS = 1_000

/** Loads the core when it is first used. Where that fails, a bundle is broken: it goes on without, and tries again. */
export class CoreLoader {
  readonly #load: () => Promise<Core>
  readonly #events: Events
  readonly #clock: Clock
  #loading: Promise<Core | undefined> | undefined
  #retryAt = Number.POSITIVE_INFINITY
  #said = false

  constructor(load: () => Promise<Core>, events: Events, clock: Clock) {
    this.#load = load
    this.#events = events
    this.#clock = clock
  }

  /** What the core makes of it, or what is to be done without one. */
  use<T>(use: (core: Core) => Promise<T>, without: () => T | Promise<T>): Promise<T> {
    if (this.#loading === undefined || this.#clock.now() >= this.#retryAt) {
      this.#retryAt = Number.POSITIVE_INFINITY
      this.#loading = this.#attempt()
    }
    const outcome = this.#loading.then((core) => (core ? use(core) : without()))
    // After `use` has been called: in a scope it holds what is to be done at the commit.
    awaitInScope(this.#loading)
    return outcome
  }

  /** The core, once a load that is under way has ended; `undefined` where there is none. */
  get loaded(): Promise<Core | undefined> | undefined {
    return this.#loading
  }

  async #attempt(): Promise<Core | undefined> {
    try {
      return await this.#load()
    } catch (error) {
      this.#retryAt = this.#clock.now() + RETRY_MS
      const message = `calls go to their functions, since the part of this package that caches cannot be loaded: ${messageOf(error)}`
      if (!this.#said) this.#events.emit({ type: 'notice', code: 'unloaded', level: 'error', name: 'cache', message })
      this.#said = true
      return undefined
    }
  }
}
