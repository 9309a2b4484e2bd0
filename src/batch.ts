import { type Call, idsOf, type ManyCall, type Part } from './call.ts'
import type { Clock } from './clock.ts'
import { CacheConfigError } from './errors.ts'
import { Flight, type Landing } from './flight.ts'
import { currentFlight, outsideOfLoads } from './inside-load.ts'
import { describe } from './kind.ts'

/** Ids that are loaded together. */
interface Group {
  /** Of the one call of the function, for all that wait for it. */
  readonly flight: Flight
  readonly members: Member[]
  values: ReadonlyMap<unknown, unknown>
}

/**
 * One call for many ids. Each id goes the path of a call by itself, with a lease, a flight and a compare-and-set of its
 * own, so that all that holds for single calls holds here; only their loads are gathered into one call of the function.
 *
 * When that call leaves is counted and not timed: the replies to one pipeline may arrive in several pieces, and the servers
 * of a cluster answer one after the other. An id is open until it is known what becomes of it: it has its value, it is to
 * be loaded, or it waits for a load of somebody else. The function is called when none is open any more. That is bounded,
 * as what an open id waits for is commands to the store, which have deadlines; and nothing waits in a circle, as an id
 * that waits for a load is not open. Those that have waited in vain and are to be loaded after all come in later calls.
 */
export class Batch {
  readonly #call: ManyCall
  readonly #clock: Clock
  #open = 0
  #group: Group | undefined

  constructor(call: ManyCall, clock: Clock) {
    this.#call = call
    this.#clock = clock
  }

  /**
   * The results in the order of the ids. An id that is there twice is one, and its value is in both places.
   * @throws CacheConfigError where there is no array of ids
   */
  async all(run: (call: Call) => Promise<unknown>): Promise<unknown[]> {
    const ids = idsOf(this.#call)
    const distinct = new Set(ids)
    // All of them, before the first can find out that it is to be loaded.
    this.#open = distinct.size
    const results = new Map<unknown, Promise<unknown>>()
    for (const id of distinct) results.set(id, this.#run(new Member(this, this.#call, id, results.size), run))
    return Promise.all(ids.map((id) => results.get(id)))
  }

  async #run(member: Member, run: (call: Call) => Promise<unknown>): Promise<unknown> {
    try {
      return await run(member)
    } finally {
      this.close(member)
      member.settled = true
    }
  }

  open(member: Member): void {
    // Its caller has not waited for it to the end; who is still here must not have to either.
    if (member.settled) return
    member.opened++
    this.#open++
  }

  close(member: Member): void {
    if (member.opened === 0) return
    member.opened--
    // In a turn of its own: this may be anywhere on the path of a call.
    if (--this.#open === 0 && this.#group) void Promise.resolve().then(() => this.#leaveWhenClosed())
  }

  /** This id's result, of a call of the function that is shared. Runs inside of the id's own load. */
  async load(member: Member): Promise<unknown> {
    this.#group ??= { flight: new Flight(), members: [], values: NO_VALUES }
    const group = this.#group
    const { flight, members } = group
    members.push(member)
    // From within the id's own flight, so that what the function calls in its turn does not wait for that one.
    const landed = flight.join()
    if (member.policy.hardTimeoutMs !== undefined) {
      currentFlight()?.signal.addEventListener('abort', () => flight.leave(), { once: true })
    }
    if (members.length >= this.#call.maxBatch) this.#leave()
    // It has been waiting for somebody, and others that have may be on their way as well.
    else if (member.opened === 0) this.#clock.setImmediate(() => this.#leaveWhenClosed())
    this.close(member)

    const landing = await landed
    if (!landing.ok) throw landing.error
    const value = group.values.get(member.id)
    if (value instanceof Error) throw value
    return value
  }

  #leaveWhenClosed(): void {
    if (this.#open === 0) this.#leave()
  }

  /** Calls the function for what has been gathered. */
  #leave(): void {
    if (!this.#group) return
    const group = this.#group
    const { flight, members } = group
    this.#group = undefined
    // Replies come in any order; the function is asked in that of the call.
    members.sort((one, other) => one.position - other.position)
    const ids = members.map(({ id }) => id)
    // Others may have been waited for since, and further arguments that are objects changed.
    for (const member of members) member.isSpoiled = member.keyed?.isItself === false
    // Those who wait are all that wait: for the flight's signal, the one who loads is none of them.
    flight.leave()
    // Which loads wait for this one is known by their having joined, and not by whose turn it happens to be.
    outsideOfLoads(() => flight.load(() => loadFor(ids, this.#call))).then(
      (values) => {
        group.values = values
        flight.land(LANDED)
      },
      (error) => flight.land({ ok: false, error, loadMs: 0 }),
    )
  }
}

/**
 * What the function returns for these ids, by id.
 * @throws CacheConfigError where it is neither an array of as many results nor a Map by id
 */
async function loadFor(ids: readonly unknown[], call: ManyCall): Promise<ReadonlyMap<unknown, unknown>> {
  const { fn, self, rest, policy } = call
  const returned = await fn.apply(self, [[...ids], ...rest] as never[])
  const isMap = returned instanceof Map
  // None of them: they are numbers here and words there, most likely.
  if (isMap && (returned.size === 0 || ids.some((id) => returned.has(id)))) return returned
  if (Array.isArray(returned) && returned.length === ids.length) return new Map(ids.map((id, i) => [id, returned[i]]))
  const got = Array.isArray(returned) ? `an array of ${returned.length}` : describe(returned)
  throw new CacheConfigError(
    `${policy.name} was called for ${ids.length} ids and returned ${isMap ? 'a Map that has none of them as a key' : got}: ` +
      'return an array with one result for each id, in the order of the ids (undefined for what is not there), or a Map by id',
  )
}

/** The call for one id, as a single call of a function of one id would be. */
class Member implements Call, Part {
  readonly policy: Call['policy']
  readonly self: unknown
  readonly args: readonly unknown[]
  readonly part = this
  /** How often it is open: a value that is renewed in the background is once more. */
  opened = 1
  settled = false
  keyed?: { readonly isItself: boolean }
  isSpoiled = false

  constructor(
    readonly batch: Batch,
    { policy, self, rest }: ManyCall,
    readonly id: unknown,
    readonly position: number,
  ) {
    this.policy = policy
    this.self = self
    this.args = [id, ...rest]
  }

  load(): Promise<unknown> {
    return this.batch.load(this)
  }

  waits(): void {
    this.batch.close(this)
  }

  asks(): void {
    this.batch.open(this)
  }
}

const NO_VALUES: ReadonlyMap<unknown, unknown> = new Map()
/** What has landed is taken from the group, by id. */
const LANDED: Landing = Object.freeze({ ok: true, shareable: 'never', loadMs: 0, proven: false })
