import { isBypassed } from './answers.ts'
import type { Call } from './call.ts'
import type { Clock } from './clock.ts'
import { inCommitScope } from './commit-scope.ts'
import { orWhenLate } from './deadline.ts'
import type { State, Value } from './drivers/driver.ts'
import { LoadTimeoutError, messageOf } from './errors.ts'
import type { BypassReason, Events, MissReason } from './events.ts'
import { Flight, type Landing, LOOK_YOURSELF, moment } from './flight.ts'
import { Gathering } from './gathering.ts'
import type { Guard } from './guard.ts'
import { copy } from './isolation.ts'
import { about, type KeyedCall } from './keyed-call.ts'
import { LEASE_MS, MAX_HELD_MS } from './lease.ts'
import type { Loading } from './loading.ts'
import type { TierChoice } from './policy.ts'
import { type Found, fits, type Miss, type Reading, type Spare } from './reading.ts'
import type { Storing } from './storing.ts'
import type { Seen } from './tagged.ts'
import { MAX_FLIGHTS, onTier, type StoreTier } from './tier.ts'

/** What the path of a call needs of the cache around it. */
export interface Surroundings {
  readonly events: Events
  readonly guard: Guard
  readonly clock: Clock
  readonly prefix: string
  /** A promise only until the store is known. */
  tierOf(choice: TierChoice): StoreTier | Promise<StoreTier>
  /** Work that goes on after a call has returned, and that `close()` waits for. */
  track(work: Promise<unknown>): void
}

/**
 * The path of a call that is no plain hit (`plain-hit.ts`): key → memory → join a load? → read, together with other
 * reads → fresh? stale? → lease, or wait for whoever has it → load → store. Its parts are `reading.ts`, `loading.ts` and
 * `storing.ts`, in this order.
 */
export class ReadThrough {
  readonly #around: Surroundings
  readonly #reading: Reading
  readonly #storing: Storing
  readonly #loading: Loading

  constructor(around: Surroundings, reading: Reading, storing: Storing, loading: Loading) {
    this.#around = around
    this.#reading = reading
    this.#storing = storing
    this.#loading = loading
  }

  run(call: Call): Promise<unknown> {
    return onTier(this.#around.tierOf(call.policy.tier), (tier) => this.#runOn(tier, call))
  }

  #runOn(tier: StoreTier, call: Call): Promise<unknown> {
    if (tier.driver.name === 'null' && !tier.driver.away) return this.#bypass(call, 'disabled')
    if (inCommitScope()) return this.#bypass(call, 'uncommitted')
    if (call.policy.bypass && this.#wantsBypass(call)) return this.#bypass(call, 'option')
    const keyed = this.#reading.keyed(tier, call)
    if (keyed === undefined) return this.#bypass(call, 'unkeyable')
    // What is in this process answers at once: a hit takes no turn of the loop.
    const seen = this.#reading.now(keyed)
    const answer = seen && this.#reading.answer(keyed, seen, true)
    if (answer && 'value' in answer) return Promise.resolve(this.#serve(keyed, answer))
    // While the store is away there is nothing to ask, nor to wait for: not even a load that may be too old for us.
    if (tier.driver.away?.(keyed.key)) {
      const work = this.#loadAway(keyed)
      return this.#inTime(keyed, work)
    }
    return this.#inTime(keyed, this.#gather(keyed))
  }

  /**
   * Whoever joins a read that has not been sent yet shares what comes of it with the first of them, a load too. With many
   * callers at once, promises are what costs: this is one for each.
   */
  #gather(call: KeyedCall): Promise<unknown> {
    const { tier, key, policy, tags } = call
    // Who may fall back on a stale value reads it before joining a load that may fail.
    if (policy.ifErrorMs > 0 || tier.flights.has(key)) return this.#find(call)
    const reading = tier.join(key)
    const first = reading.gathering as Gathering | undefined
    if (first === undefined) {
      const gathering = new Gathering(call, this.#around.clock.now())
      reading.gathering = gathering
      return tags.length === 0
        ? this.#readPlain(call, reading.promise, gathering)
        : this.#find(call, reading.promise, gathering)
    }
    if (!first.suits(call)) return this.#find(call, reading.promise)
    first.flight ??= new Flight()
    call.waitsFor = first.flight
    return first.flight.join(call.part).then((landing) => {
      return landing === LOOK_YOURSELF ? this.#find(call) : this.#share(call, landing, first.reason)
    })
  }

  /** A hit for which one read is all. A function that awaits would cost as much as the rest of it. */
  #readPlain(call: KeyedCall, reading: Promise<State>, gathering: Gathering): Promise<unknown> {
    return reading.then((state) => {
      if (!this.#reading.isAll(state)) return this.#find(call, reading, gathering)
      const answer = this.#reading.answer(call, state)
      gathering.answer = answer
      if (!('value' in answer)) return this.#find(call, reading, gathering)
      gathering.flight?.land(landingOf(call, answer.from))
      return this.#serve(call, answer)
    })
  }

  async #find(call: KeyedCall, reading?: Promise<State>, gathering?: Gathering): Promise<unknown> {
    const { tier, key, policy } = call
    let miss: Miss = ABSENT
    for (let read = reading; ; read = undefined) {
      // Only in the first turn: later, whoever has gathered has been sent on.
      const first = read && gathering
      const calledAt = first?.calledAt ?? moment()
      const before = first ? undefined : this.#flightOf(call)
      if (read || before === undefined || policy.ifErrorMs > 0) {
        const began = first?.began ?? this.#around.clock.now()
        const answer = first?.answer ?? this.#reading.answer(call, await this.#reading.read(call, read))
        if ('value' in answer) {
          gathering?.flight?.land(landingOf(call, answer.from))
          return this.#serve(call, answer)
        }
        miss = { ...answer, spentMs: this.#around.clock.now() - began }
        if (first) first.answer = answer
      }
      const flight = this.#flightOf(call)
      // What was read may be what that one has replaced.
      if (flight === undefined && before !== undefined) continue
      if (flight === undefined && tier.flights.size >= MAX_FLIGHTS) {
        gathering?.flight?.land(LOOK_YOURSELF)
        return this.#bypass(call, 'overloaded')
      }
      if (flight === undefined) return this.#softly(call, miss.spare, this.#lead(call, miss, first?.flight))
      // Whether they may have what that one brings is for each of them to see.
      gathering?.flight?.land(LOOK_YOURSELF)
      if (flight.waitsForCaller()) return this.#bypass(call, 'reentrant')
      const joinedAt = moment()
      call.waitsFor = flight
      const landing = flight
        .join(call.part)
        .then((landed) => this.#take(call, flight, landed, calledAt, joinedAt, miss))
      const outcome = await this.#softly(call, miss.spare, landing)
      // Else the load began before this call and may hold what was invalidated since: begin again.
      if (outcome !== START_OVER) return outcome
      // While the store is away nothing is proven, and there would be no end to beginning again.
      if (tier.driver.away?.(key)) return this.#loadAway(call)
    }
  }

  /**
   * The load of the key that is under way. One whose lease has run out (it is renewed no longer than that) may never end, and
   * could not be stored: it holds up nobody who comes now. Whether it is the caller's own load is to be seen all the same.
   */
  #flightOf({ tier, key, policy }: KeyedCall): Flight | undefined {
    const flight = tier.flights.get(key)
    const heldMs = (policy.hardTimeoutMs ?? MAX_HELD_MS) + LEASE_MS
    const mayStore = flight && this.#around.clock.now() - flight.runsSince < heldMs
    return mayStore || flight?.waitsForCaller() ? flight : undefined
  }

  /** Shares a load with those who call in the same turn of the loop: any that has begun may be too old, and none is proven. */
  #loadAway(call: KeyedCall): Promise<unknown> {
    const flight = call.tier.flights.get(call.key)
    if (call.tier.flights.size >= MAX_FLIGHTS) return this.#bypass(call, 'overloaded')
    if (flight === undefined || flight.begun) return this.#lead(call, AWAY)
    call.waitsFor = flight
    return flight.join(call.part).then((landing) => this.#share(call, landing, AWAY.reason))
  }

  /** This call loads, for itself and for whoever joins it meanwhile. */
  async #lead(call: KeyedCall, miss: Miss, flight = new Flight()): Promise<unknown> {
    call.tier.flights.set(call.key, flight)
    call.waitsFor = flight
    const claim = await this.#loading.claim(call, flight, miss)
    if ('value' in claim) {
      this.#loading.takeOff(call, flight, landingOf(call, claim.from))
      return this.#serve(call, claim)
    }
    if ('refused' in claim && claim.spare) {
      this.#loading.takeOff(call, flight, LOOK_YOURSELF)
      return this.#serveStale(call, claim.spare)
    }
    const lease = 'head' in claim ? claim : undefined
    const { reason } = 'head' in claim ? miss : claim
    try {
      return await this.#loading.load(call, flight, lease, reason)
    } catch (error) {
      if (!miss.spare) throw error
      return this.#serveStale(call, miss.spare)
    }
  }

  #take(call: KeyedCall, flight: Flight, landing: Landing, calledAt: number, joinedAt: number, miss: Miss): unknown {
    if (!flight.mayServe(calledAt, landing, joinedAt)) return START_OVER
    if (!landing.ok && miss.spare) return this.#serveStale(call, miss.spare)
    return this.#share(call, landing, miss.reason)
  }

  #serve(call: KeyedCall, { value, renew }: Found): unknown {
    if (renew !== undefined) this.#loading.renew(call, renew)
    return value
  }

  #serveStale(call: KeyedCall, { value, header }: Spare): unknown {
    this.#reading.hit(call, header)
    return value
  }

  /** With a stale value at hand, `softTimeout` is as long as it waits for a better one. */
  #softly(call: KeyedCall, spare: Spare | undefined, work: Promise<unknown>): Promise<unknown> {
    const { softTimeoutMs } = call.policy
    if (spare === undefined || softTimeoutMs === undefined) return work
    return orWhenLate(work, softTimeoutMs, this.#around.clock, () => this.#serveStale(call, spare))
  }

  #inTime(call: KeyedCall, work: Promise<unknown>): Promise<unknown> {
    const { hardTimeoutMs, name } = call.policy
    if (hardTimeoutMs === undefined) return work
    return orWhenLate(work, hardTimeoutMs, this.#around.clock, () => {
      call.waitsFor?.leave()
      throw new LoadTimeoutError(name, hardTimeoutMs)
    })
  }

  /** A joined load's outcome, as this caller's own. */
  #share(call: KeyedCall, landing: Landing, reason: MissReason): unknown {
    const event = { ...about(call), reason, collapsed: true, loadMs: landing.loadMs }
    if (!landing.ok) {
      this.#around.events.emit({ type: 'load-error', ...event, error: landing.error })
      throw landing.error
    }
    const { shareable } = landing
    if (typeof shareable === 'string') return this.#loading.run(call, reason)
    let value: unknown
    try {
      value =
        'copy' in shareable ? copy(shareable.copy) : call.tier.driver.packing.unpackForMany(shareable.body, call.rules)
    } catch {
      // Stored by another function, with a serializer of its own.
      return this.#loading.run(call, reason)
    }
    if (!fits(value, call, landing.policy)) return this.#loading.run(call, reason)
    if (landing.found) this.#reading.hit(call, landing.found)
    else this.#around.events.emit({ type: 'miss', ...event })
    return value
  }

  /** Loads although a value stands, and has stored the result when it resolves; what is newer by then stays. */
  refresh(call: Call): Promise<unknown> {
    return onTier(this.#around.tierOf(call.policy.tier), async (tier) => {
      if (tier.driver.name === 'null') return this.#bypass(call, 'disabled')
      if (inCommitScope()) return this.#bypass(call, 'uncommitted')
      const keyed = this.#reading.keyed(tier, call)
      if (!keyed) return this.#bypass(call, 'unkeyable')
      const { clock } = this.#around
      const began = clock.now()
      const value = await this.#inTime(keyed, this.#refresh(keyed))
      const landing = await keyed.waitsFor?.landed
      // A load from before this call, of another process for one, may have stored in between: nobody is to be served that.
      if (landing?.ok && landing.replaced === false) {
        const beganAt = tier.driver.time() - (clock.now() - began)
        await this.#storing.endOlder(keyed, await this.#reading.read(keyed), Math.floor(beganAt))
      }
      return value
    })
  }

  async #refresh(call: KeyedCall): Promise<unknown> {
    const { tier, key } = call
    let seen: Seen
    do {
      if (tier.driver.away?.(key)) return this.#lead(call, { ...AWAY, reason: 'refresh' })
      // A load that is under way began before this call: it will not do.
      const flight = this.#flightOf(call)
      if (flight?.waitsForCaller()) return this.#bypass(call, 'reentrant')
      call.waitsFor = flight
      await flight?.join(call.part)
      call.waitsFor = undefined
      seen = await this.#reading.read(call)
    } while (this.#flightOf(call))
    if (seen.kind === 'value' || seen.kind === 'untagged' || seen.kind === 'lease') {
      // The lease of another process is replaced as well: its load began before this call.
      const kind = seen.kind === 'lease' ? seen.kind : 'value'
      const lease = await this.#loading.liveValue(call, seen.header.id, kind)
      call.replaces = seen.header.id
      call.waitsFor = new Flight()
      return this.#loading.load(call, call.waitsFor, lease, 'refresh')
    }
    return this.#lead(call, { mayStore: false, ...this.#reading.answer(call, seen), reason: 'refresh' })
  }

  #wantsBypass(call: Call): boolean {
    try {
      return isBypassed(call)
    } catch (error) {
      const why = `bypass of ${call.policy.name} threw, so the cache was left out: ${messageOf(error)}`
      this.#reading.notice(call, 'callback-threw', why)
      return true
    }
  }

  async #bypass(call: Call, reason: BypassReason): Promise<unknown> {
    this.#around.events.emit({ type: 'bypass', name: call.policy.name, reason })
    return call.load()
  }
}

/** What was found stored, for everyone to unpack. */
function landingOf({ policy }: KeyedCall, { header, body }: Value): Landing {
  return { ok: true, shareable: { body }, policy, loadMs: 0, found: header, proven: false }
}

const ABSENT: Miss = Object.freeze({ reason: 'absent', mayStore: true })
const AWAY: Miss = Object.freeze({ reason: 'unavailable', mayStore: false })
const START_OVER = Symbol('start over')
