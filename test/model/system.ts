import { type Cache, type CachedFunction, createCache } from 'cachewell'
import { HandClock } from '../../src/testing/hand-clock.ts'
import { type Gate, makeGate } from '../integration/open-cache.ts'
import { NAMES, type Name, type Outcome, PLACES, type Place, type Result, type Source } from './functions.ts'

type Loader = (id: number) => Promise<Result>

/** Longer steps would be those of a process that was stopped: timers fire once only, whatever they have missed. */
const STEP_MS = 1_000

/** What a call has come to so far. */
export interface Started {
  outcome?: Outcome
}

/** The cache itself, over a clock that is moved by hand and loads that can be held. */
export class System {
  readonly cache: Cache
  readonly runs = new Map<string, number>()
  /** Those who wait for a load that is held. */
  readonly waiting = new Map<Place, Started[]>()
  /** What has been done so far, for messages. */
  done = ''
  readonly #clock = new HandClock()
  readonly #source: Source
  readonly #functions: ReadonlyMap<Name, CachedFunction<Loader>>
  readonly #gates = new Map<string, Gate>()
  #holdNext: string | undefined

  constructor(source: Source) {
    this.#source = source
    this.cache = createCache({ url: 'memory:', clock: this.#clock, logger: false, prefix: 'model' })
    this.#functions = new Map(NAMES.map((name) => [name, this.#declare(name)]))
  }

  /** The first call loads most of the package, and that takes more than a turn of the loop. */
  async begin(): Promise<void> {
    await this.cache.get('nothing')
  }

  log(what: string): void {
    this.done += ` ${what}`
  }

  call(place: Place): Promise<Started> {
    return this.#start(() => this.fn(place)(place.id))
  }

  refresh(place: Place): Promise<Started> {
    return this.#start(() => this.fn(place).refresh(place.id))
  }

  fn({ name }: Place): CachedFunction<Loader> {
    return this.#functions.get(name) as CachedFunction<Loader>
  }

  /** The next load of this entry takes until it is let go. */
  holdNext({ key }: Place): void {
    this.#holdNext = key
  }

  /** Whether the result was stored, by what the cache says first: others may begin again and store theirs. */
  async release({ key }: Place): Promise<boolean> {
    const reports: boolean[] = []
    const end = this.cache.on((event) => {
      if (event.type === 'store' && event.key === key) reports.push(event.stored)
    })
    this.#gates.get(key)?.open()
    this.#gates.delete(key)
    await settle()
    end()
    return reports[0] ?? false
  }

  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      this.#clock.advance(Math.min(left, STEP_MS))
      if (this.#gates.size > 0) await settle()
    }
  }

  async close(): Promise<void> {
    for (const gate of this.#gates.values()) gate.open()
    await settle()
    const closed = this.cache.close()
    await settle()
    // It waits for what does not come to an end, by the clock.
    this.#clock.advance(10_000)
    await closed
  }

  #declare(name: Name): CachedFunction<Loader> {
    const [{ declared }] = PLACES.filter((place) => place.name === name) as [Place]
    return this.cache.cached<Loader, Name>((id) => this.#load(`${name}:${id}`, id), { key: name, ...declared })
  }

  /** Reads at once and answers late: what has changed meanwhile is not in the answer. */
  async #load(key: string, id: number): Promise<Result> {
    this.runs.set(key, (this.runs.get(key) ?? 0) + 1)
    const read = this.#source.read(id)
    if (this.#holdNext === key) {
      const gate = makeGate()
      this.#holdNext = undefined
      this.#gates.set(key, gate)
      await gate.opened
    }
    if ('error' in read) throw new Error(read.error)
    return read.value
  }

  /** Comes back when all has come to rest, also where the call has not come to an end. */
  async #start(work: () => Promise<Result>): Promise<Started> {
    const started: Started = {}
    work().then(
      (value) => {
        started.outcome = { value: value && { ...value } }
        // A caller may do to a value what it likes: it is its own.
        if (value) Object.assign(value, { version: Number.NaN })
      },
      (error: Error) => {
        started.outcome = { error: error.message }
      },
    )
    await settle()
    return started
  }
}

/** In memory nothing takes longer than promises do: after a turn of the loop, all that goes on has come to rest. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
