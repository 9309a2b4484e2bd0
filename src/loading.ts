import type { Clock } from './clock.ts'
import { type EntryKind, entryHead, newId } from './entry.ts'
import { CacheTroubleError } from './errors.ts'
import type { Events, MissReason } from './events.ts'
import { Flight, type Landing, LOOK_YOURSELF } from './flight.ts'
import type { Guard } from './guard.ts'
import { outsideOfLoads } from './inside-load.ts'
import { about, type KeyedCall } from './keyed-call.ts'
import { election, LEASE_MS, type Lease, liveValueLease, placeholderLease } from './lease.ts'
import type { Found, Miss, Reading } from './reading.ts'
import { electionKey } from './stamp-key.ts'
import type { Stored, Storing } from './storing.ts'
import { MAX_FLIGHTS } from './tier.ts'

/** How long others are waited for before the function is called, unstored: a hung loader must not stop the fleet. */
const GIVE_UP_MS = 10_000
/** Without a message, look again: messages can be late, or be lost with the connection that brings them. */
const LOOK_AGAIN_MS = 250

/** The middle part of the path of a call: who may load, waiting for whoever does, and the load itself. */
export class Loading {
  readonly #reading: Reading
  readonly #storing: Storing
  readonly #events: Events
  readonly #guard: Guard
  readonly #clock: Clock
  readonly #prefix: string
  readonly #track: (work: Promise<unknown>) => void
  /** Leases of loads that are under way. */
  readonly #held = new Set<Lease>()

  constructor(
    reading: Reading,
    storing: Storing,
    around: { events: Events; guard: Guard; clock: Clock; prefix: string; track: (work: Promise<unknown>) => void },
  ) {
    this.#reading = reading
    this.#storing = storing
    this.#events = around.events
    this.#guard = around.guard
    this.#clock = around.clock
    this.#prefix = around.prefix
    this.#track = around.track
  }

  /** The lease; or the value that someone has stored, or why to load without a lease. */
  async claim(call: KeyedCall, flight: Flight, miss: Miss): Promise<Lease | Found | Miss> {
    if (miss.spare) return this.#claimBeside(call, flight, miss)
    const first = miss.mayStore ? await this.#acquire(call, newId(), miss) : miss
    return isLeased(first) ? this.#waitForOther(call, flight, newId()) : first
  }

  async #acquire(call: KeyedCall, token: string, miss: Miss): Promise<Lease | Miss> {
    const { tier, key, policy } = call
    const request = { token, leaseMs: LEASE_MS, over: miss.over, spentMs: miss.spentMs }
    const [answer, noted] = await Promise.all([
      this.#guard('acquire', policy.name, () => tier.driver.acquire(key, request)),
      this.#storing.note(call),
    ])
    // After a time-out it may come to stand at any time, also after an invalidation that our load would be too old for:
    // then it proves nothing.
    const late = answer instanceof CacheTroubleError && answer.code === 'TIMEOUT'
    if (answer === 'granted' && noted) return placeholderLease(call, token, noted, this.#guard, this.#clock)
    if (answer === 'granted' || late) {
      this.#track(this.#guard('release', policy.name, () => tier.driver.release(key, token)))
    }
    if (answer === 'granted' || answer instanceof CacheTroubleError) return { reason: 'unavailable', mayStore: false }
    // A value that has just been stored is waited for as well: it is there at the first look.
    return { reason: answer === 'value' ? 'leased' : (answer as 'leased' | 'foreign'), mayStore: false }
  }

  /**
   * Someone else is loading. Woken by the store, look what came of it, and take over when nothing did: its holder has
   * died, or the key was invalidated. A pass marker says that the result was not to be stored: nobody waits then.
   */
  #waitForOther(call: KeyedCall, flight: Flight, token: string): Promise<Lease | Found | Miss> {
    return this.#lookUntil(call, flight, async (answer, mayWait) => {
      if ('value' in answer) return answer
      if (answer.reason === 'leased') return mayWait ? undefined : answer
      if (answer.reason === 'passed' || !answer.mayStore) return { ...answer, mayStore: false }
      const claim = answer.spare ? answer : await this.#acquire(call, token, answer)
      return isLeased(claim) ? undefined : claim
    })
  }

  /** A stale value stays while it is renewed: who does so is settled beside it, and the others wait for the outcome. */
  #claimBeside(call: KeyedCall, flight: Flight, miss: Miss): Promise<Lease | Found | Miss> {
    return this.#lookUntil(
      call,
      flight,
      async (answer, mayWait) => {
        if ('value' in answer || !answer.spare) return answer
        const elected = await this.elect(call, answer.spare.header.id)
        if (elected === 'busy' && mayWait) return undefined
        return typeof elected === 'string' ? { ...answer, mayStore: false, reason: 'stale', refused: true } : elected
      },
      miss,
    )
  }

  /** Looks again and again, woken by changes of the key, until `decide` has an answer. */
  async #lookUntil<T>(
    call: KeyedCall,
    flight: Flight,
    decide: (answer: Found | Miss, mayWait: boolean) => Promise<T | undefined>,
    known?: Found | Miss,
  ): Promise<T> {
    const giveUpAt = this.#clock.now() + Math.min(GIVE_UP_MS, call.policy.hardTimeoutMs ?? GIVE_UP_MS)
    // Before the first look, so that nothing is missed between a look and a wait.
    const watch = call.tier.driver.watch(call.key)
    try {
      for (let answer = known; ; answer = undefined) {
        // What is read from here on is as new as this moment; who joins later has to look again.
        if (!answer) flight.begin()
        answer ??= this.#reading.answer(call, await this.#reading.read(call))
        const decided = await decide(answer, this.#clock.now() < giveUpAt)
        if (decided !== undefined) return decided
        call.part?.waits()
        await watch.wait(LOOK_AGAIN_MS, this.#clock)
        call.part?.asks()
      }
    } finally {
      watch.end(watch)
    }
  }

  /** The right to renew a live value. */
  async elect(call: KeyedCall, id: string): Promise<Lease | 'busy' | 'failed'> {
    const { tier, policy } = call
    const seat = electionKey(this.#prefix, call.shownKey, id)
    const token = newId()
    const outcome = await this.#guard('elect', policy.name, () => tier.driver.elect(seat, token, LEASE_MS))
    if (outcome === 'busy' || outcome === 'failed') return outcome
    const noted = outcome === 'elected' ? await this.#storing.note(call) : undefined
    if (noted) return election(call, seat, token, entryHead('value', id), noted, this.#guard, this.#clock)
    // Without the store there is nothing to settle, and nothing will be stored.
    return 'failed'
  }

  /** The right to put an update in the place of what stands; `undefined` where someone is just loading it. */
  async claimForUpdate(call: KeyedCall): Promise<Lease | undefined> {
    const seen = await this.#reading.read(call)
    if (seen.kind === 'value' || seen.kind === 'untagged') return this.liveValue(call, seen.header.id)
    const answer = this.#reading.answer(call, seen)
    if ('value' in answer || !answer.mayStore) return undefined
    const claim = await this.#acquire(call, newId(), answer)
    return 'head' in claim ? claim : undefined
  }

  /** The right to replace a live value, without having asked anybody. */
  async liveValue(call: KeyedCall, id: string, kind: EntryKind = 'value'): Promise<Lease | undefined> {
    const noted = await this.#storing.note(call)
    return noted && liveValueLease(call, entryHead(kind, id), noted, this.#guard)
  }

  /** Renews a live value in the background: once at a time in this process, and mostly in the fleet. */
  renew(call: KeyedCall, id: string): void {
    const { renewing, driver } = call.tier
    if (renewing.has(call.key) || renewing.size >= MAX_FLIGHTS || driver.away?.(call.key)) return
    renewing.add(call.key)
    call.part?.asks()
    const renewed = outsideOfLoads(async () => {
      const lease = await this.elect(call, id)
      if (typeof lease !== 'string' && call.isItself) return this.load(call, new Flight(), lease, 'revalidate')
      call.part?.waits()
      if (typeof lease !== 'string') await lease.giveUp('superseded')
    })
    this.#track(renewed.catch(() => {}).finally(() => renewing.delete(call.key)))
  }

  /** Runs the function and sees to its outcome. */
  async load(call: KeyedCall, flight: Flight, lease: Lease | undefined, reason: MissReason): Promise<unknown> {
    if (!call.isItself) {
      this.#leaveToOthers(call, flight, lease)
      const value = await this.run(call, reason)
      this.#storing.report(call, 'superseded')
      return value
    }
    const ended = lease && this.#hold(lease)
    const began = this.#clock.now()
    flight.runsSince = began
    const loadMs = () => this.#clock.now() - began
    try {
      const value = await this.run(call, reason, () => flight.load(() => call.load()))
      ended?.()
      if (call.part?.isSpoiled) {
        this.#leaveToOthers(call, flight, lease)
        this.#storing.report(call, 'superseded')
        return value
      }
      // The caller does not wait for the store; whoever calls next in this process does, by joining this flight.
      const storing = this.#storing.store(call, flight, lease, value, loadMs())
      this.#track(this.#land(call, flight, loadMs(), storing))
      return value
    } catch (error) {
      ended?.()
      if (call.part?.isSpoiled) this.#leaveToOthers(call, flight, lease)
      else {
        this.takeOff(call, flight, { ok: false, error, loadMs: loadMs() })
        if (lease) this.#track(lease.giveUp('failed'))
      }
      throw error
    }
  }

  /** What this call brings is not for its key, and for nobody else. */
  #leaveToOthers(call: KeyedCall, flight: Flight, lease: Lease | undefined): void {
    this.takeOff(call, flight, LOOK_YOURSELF)
    if (lease) this.#track(lease.giveUp('superseded'))
  }

  #hold(lease: Lease): () => void {
    const ended = lease.keep()
    this.#held.add(lease)
    return () => {
      ended()
      this.#held.delete(lease)
    }
  }

  /** For the end of the process: others need not wait for loads that will not be stored any more. */
  async giveBack(): Promise<void> {
    await Promise.all([...this.#held].map((lease) => lease.giveUp('superseded')))
  }

  /** Runs the function for one caller alone. */
  async run(call: KeyedCall, reason: MissReason, load = () => call.load()): Promise<unknown> {
    const began = this.#clock.now()
    const event = () => ({ ...about(call), reason, collapsed: false, loadMs: this.#clock.now() - began })
    try {
      const value = await load()
      this.#events.emit({ type: 'miss', ...event() })
      return value
    } catch (error) {
      this.#events.emit({ type: 'load-error', ...event(), error })
      throw error
    }
  }

  async #land(call: KeyedCall, flight: Flight, loadMs: number, storing: Promise<Stored>): Promise<void> {
    this.takeOff(call, flight, { ok: true, policy: call.policy, loadMs, ...(await storing) })
  }

  takeOff({ tier, key }: KeyedCall, flight: Flight, landing: Landing): void {
    if (tier.flights.get(key) === flight) tier.flights.delete(key)
    flight.land(landing)
  }
}

function isLeased(claim: Lease | Found | Miss): boolean {
  return 'reason' in claim && claim.reason === 'leased'
}
