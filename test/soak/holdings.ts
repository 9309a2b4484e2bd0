import * as v8 from 'node:v8'
import { Flight } from '../../src/flight.ts'
import { Reading } from '../../src/reading.ts'
import { Connection } from '../../src/redis/connection.ts'
import { Journal } from '../../src/redis/journal.ts'
import type { StoreTier } from '../../src/tier.ts'
import { Watch, Watchers } from '../../src/watch.ts'

/** Everything of one kind that was seen and has not been collected. */
class Seen<T extends object> {
  readonly #known = new WeakSet<T>()
  #all: WeakRef<T>[] = []

  add(one: T): void {
    if (this.#known.has(one)) return
    this.#known.add(one)
    this.#all.push(new WeakRef(one))
  }

  sum(sizeOf: (one: T) => number): number {
    this.#all = this.#all.filter((one) => one.deref() !== undefined)
    return this.#all.reduce((sum, one) => sum + sizeOf(one.deref() as T), 0)
  }
}

/** What the caches of this process hold, seen from outside without changing anything. */
export class Holdings {
  /** How often somebody has waited for the lease of another process, or looked again. */
  waits = 0
  readonly #tiers = new Seen<StoreTier>()
  readonly #watchers = new Seen<Watchers>()
  readonly #journals = new Seen<Journal>()

  /** To be called before a cache is used. */
  observe(): void {
    const [tiers, watchers, journals] = [this.#tiers, this.#watchers, this.#journals]
    const countWait = () => void this.waits++
    before(Reading.prototype, 'keyed', (_reading, tier) => tiers.add(tier))
    before(Watchers.prototype, 'watch', (one) => watchers.add(one))
    before(Journal.prototype, 'add', (journal) => journals.add(journal))
    before(Watch.prototype, 'wait', countWait)
  }

  sizes(): Record<string, number> {
    return {
      loads: this.#tiers.sum(({ flights }) => flights.size),
      renewals: this.#tiers.sum(({ renewing }) => renewing.size),
      'watched keys': this.#watchers.sum(({ size }) => size),
      'deferred removals': this.#journals.sum(({ size }) => size),
    }
  }
}

/**
 * How many objects of each kind are reachable, by whatever way. Stops the process for a second or more, and older releases
 * of Node cannot do it.
 */
export function reachable(): Record<string, number> {
  const { queryObjects } = v8
  if (typeof queryObjects !== 'function') return {}
  const Timer = Object.getPrototypeOf(anyTimer()).constructor as Function
  const kinds = { Flight, Watch, Connection, Timer }
  return Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => [`${name} objects`, queryObjects(kind) as number]),
  )
}

/** The class of timers is not exported by anything. */
function anyTimer(): NodeJS.Timeout {
  const timer = setTimeout(() => {}, 0)
  clearTimeout(timer)
  return timer
}

type Method = (...args: any[]) => unknown

function before<T extends object, Name extends keyof T & string>(
  prototype: T,
  name: Name,
  see: (self: T, ...args: T[Name] extends (...args: infer Args) => unknown ? Args : never) => void,
): void {
  const original = prototype[name] as Method
  const observed = function (this: T, ...args: any[]) {
    see(this, ...(args as never))
    return original.apply(this, args)
  }
  Object.assign(prototype, { [name]: observed })
}
