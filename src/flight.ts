import type { Part } from './call.ts'
import type { Body } from './drivers/driver.ts'
import type { EntryHeader } from './entry.ts'
import { currentFlight, runInside } from './inside-load.ts'
import type { Policy } from './policy.ts'

/** How others can have what a load has made, each for themselves. */
export type Shareable =
  /** Packed: everyone unpacks it. */
  | { readonly body: Body }
  /** A copy to copy from, made before the first caller could change the value. */
  | { readonly copy: unknown }
  /** A stream or a class instance: everyone has to load it. */
  | 'never'
  /** Nobody waited when the copy would have had to be made: whoever has come since begins again. */
  | 'late'

/** What a load came to. */
export type Landing =
  | {
      readonly ok: true
      readonly shareable: Shareable
      /** Of the function that has loaded it, or found it; left out where nothing is shared. */
      readonly policy?: Policy
      readonly loadMs: number
      /** Where nobody here has loaded it: what was found, for everyone's event of a hit. */
      readonly found?: EntryHeader
      /** The store's compare-and-set went through: nothing was invalidated since the load began. */
      readonly proven: boolean
      /** False: it has neither been stored nor taken what stood there from its place. */
      readonly replaced?: boolean
    }
  | { readonly ok: false; readonly error: unknown; readonly loadMs: number }

/** Nothing is shared (a stale value is served, or what was loaded is another key's): who has joined looks for itself. */
export const LOOK_YOURSELF: Landing = Object.freeze({ ok: true, shareable: 'late', loadMs: 0, proven: false })

/** Ever growing: tells whether a call or a load was there first, where clocks are too coarse. */
let moments = 0
export function moment(): number {
  return ++moments
}

/** One load of one key in this process, and whoever waits for it. */
export class Flight {
  /** By our clock, when the function was called. */
  runsSince = Number.POSITIVE_INFINITY
  /** Of all loads in the process, whichever copy of this package has begun them: which is the inner one of two. */
  order = 0
  /** When the function was called. Until then: never. */
  #loadBeganAt = Number.POSITIVE_INFINITY
  /** When the proof was asked for: it covers nothing that happens after that. */
  #sealedAt = Number.NEGATIVE_INFINITY
  /** Somebody has joined after the load began, and needs a proof. */
  #late = false
  /** The flight whose load runs this one's. */
  #parent: Flight | undefined
  /** Flights that calls made by this load wait for. */
  readonly #awaited = new Set<Flight>()
  #joined = false
  /** Callers that wait, the one who loads among them. */
  #waiting = 1
  #controller: AbortController | undefined
  readonly landed: Promise<Landing>
  #land!: (landing: Landing) => void

  constructor() {
    this.landed = new Promise((resolve) => {
      this.#land = resolve
    })
  }

  land(landing: Landing): void {
    if (this.#parent) this.#parent.#awaited.delete(this)
    // A load may set off the next one, and so on: what has landed holds nobody up, and must not be kept.
    this.#parent = undefined
    this.#land(landing)
  }

  /** What lands is as new as this moment: somebody else's value, about to be read. */
  begin(): void {
    this.#loadBeganAt = moment()
  }

  /** Runs the load, so that calls it makes know where they are. */
  load<T>(load: () => T | PromiseLike<T>): Promise<T> {
    this.#parent = currentFlight()
    if (this.#parent) this.#parent.#awaited.add(this)
    this.begin()
    return runInside(this, load)
  }

  /**
   * Whether a call that began at `moment` may take the value. A load that began after the call is always its to take.
   * One that began before is only if the store has proven that nothing was invalidated in between, up to the moment
   * when the proof was asked for: whoever calls later has to look again. So has who joins later, having read first: of
   * tags nothing is proven where nobody had joined by then.
   */
  mayServe(calledAt: number, landing: Landing, joinedAt = calledAt): boolean {
    if (!landing.ok) return true
    if (landing.shareable === 'late') return false
    return calledAt < this.#loadBeganAt || (landing.proven && joinedAt < this.#sealedAt)
  }

  get begun(): boolean {
    return this.#loadBeganAt !== Number.POSITIVE_INFINITY
  }

  /** Whether somebody waits, or has waited, for the landing. */
  get joined(): boolean {
    return this.#joined
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  /** One of those who wait has given up. */
  leave(): void {
    if (--this.#waiting === 0) this.#controller?.abort()
  }

  /** Whether waiting for this flight from here would never end: we are part of its own load, or it waits for ours. */
  waitsForCaller(): boolean {
    const here = currentFlight()
    return here !== undefined && this.#reaches(here.#chain(), new Set())
  }

  /** To be called just before the store is asked whether the load may stand. */
  seal(): void {
    this.#sealedAt = moment()
  }

  get needsProof(): boolean {
    return this.#late
  }

  /** Waits for the landing, visibly for {@link waitsForCaller} of others. */
  join(part?: Part): Promise<Landing> {
    part?.waits()
    if (this.begun) this.#late = true
    this.#joined = true
    this.#waiting++
    const here = currentFlight()
    if (here === undefined) return this.landed
    here.#awaited.add(this)
    return this.landed.then((landing) => {
      here.#awaited.delete(this)
      return landing
    })
  }

  #reaches(flights: ReadonlySet<Flight>, seen: Set<Flight>): boolean {
    if (flights.has(this)) return true
    if (seen.has(this)) return false
    seen.add(this)
    for (const next of this.#awaited) if (next.#reaches(flights, seen)) return true
    return false
  }

  #chain(): Set<Flight> {
    const chain = new Set<Flight>()
    for (let at: Flight | undefined = this; at && !chain.has(at); at = at.#parent) chain.add(at)
    return chain
  }
}
