import { about, type Call, type KeyedCall } from './call.ts'
import type { Clock } from './clock.ts'
import type { Value } from './drivers/driver.ts'
import { entryHead, newId } from './entry.ts'
import { CacheTroubleError, messageOf } from './errors.ts'
import type { BypassReason, Events, MissReason, NoticeEvent, Tier } from './events.ts'
import { Flight, type Landing, moment } from './flight.ts'
import { asTrouble, type Guard } from './guard.ts'
import { copy } from './isolation.ts'
import { keepLease, LEASE_MS, PASS_MS } from './lease.ts'
import type { PackRules } from './packing.ts'
import type { TierChoice } from './policy.ts'
import { stampKey } from './stamps.ts'
import { inspect } from './storable.ts'
import { type Lease, type Stored, Storing } from './storing.ts'
import { readTagged, type Seen, untaggedWhere } from './tagged.ts'
import type { StoreTier } from './tier.ts'

/** What the path of a call needs of the cache around it. */
export interface Surroundings {
  readonly events: Events
  readonly guard: Guard
  readonly clock: Clock
  /** For values of functions without a serializer of their own. */
  readonly rules: PackRules
  readonly prefix: string
  /** A promise only until the store is known. */
  tierOf(choice: TierChoice): StoreTier | Promise<StoreTier>
  /** Work that goes on after a call has returned, and that `close()` waits for. */
  track(work: Promise<unknown>): void
}

/** What to do about a miss: load under a lease, perhaps in place of an unusable value, or load and store nothing. */
interface Miss {
  readonly reason: MissReason
  readonly mayStore: boolean
  readonly over?: string
}

interface Found {
  readonly value: unknown
}

/** How long others are waited for before the function is called, unstored: a hung loader must not stop the fleet. */
const GIVE_UP_MS = 10_000
/** Without a message, look again: messages can be late, or be lost with the connection that brings them. */
const LOOK_AGAIN_MS = 250
const NO_TAGS: readonly string[] = Object.freeze([])

/**
 * The path of a call: key → memory → join a load? → read, together with other reads → usable? → lease, or wait for
 * whoever has it → load → store. From the top of this file to its end; the last step is in `storing.ts`.
 */
export class ReadThrough {
  readonly #around: Surroundings
  readonly #storing: Storing

  constructor(around: Surroundings) {
    this.#around = around
    this.#storing = new Storing(around.events, around.guard, around.prefix)
  }

  run(call: Call): Promise<unknown> {
    const tier = this.#around.tierOf(call.policy.tier)
    return tier instanceof Promise ? tier.then((known) => this.#runOn(known, call)) : this.#runOn(tier, call)
  }

  #runOn(tier: StoreTier, call: Call): Promise<unknown> {
    if (tier.driver.name === 'null') return this.#bypass(call, 'disabled')
    if (call.policy.bypass && this.#wantsBypass(call)) return this.#bypass(call, 'option')
    const keyed = this.#keyed(tier, call)
    if (keyed === undefined) return this.#bypass(call, 'unkeyable')
    // A store in this process answers at once: a hit takes no turn of the loop.
    const { readNow } = tier.driver
    if (readNow) {
      const seen = untaggedWhere(readNow(keyed.key), (tag) => readNow(stampKey(this.#around.prefix, tag)))
      const answer = this.#answer(keyed, seen)
      if ('value' in answer) return Promise.resolve(answer.value)
    }
    return this.#find(keyed)
  }

  /** `undefined`, with one notice, where no key can be made of the arguments. */
  #keyed(tier: StoreTier, call: Call): KeyedCall | undefined {
    const { policy, self, args, load } = call
    const { prefix, rules } = this.#around
    try {
      const shownKey = policy.plan.derive(self, args)
      const tags = policy.tags?.(self, args) ?? NO_TAGS
      const own = policy.serializer ? { ...rules, serializer: policy.serializer } : rules
      return { policy, self, args, load, tier, shownKey, key: `${prefix}::${shownKey}`, rules: own, tags }
    } catch (error) {
      this.#notice(call, 'unkeyable', `calls of ${policy.name} are not cached, since ${messageOf(error)}`)
      return undefined
    }
  }

  async #find(call: KeyedCall): Promise<unknown> {
    const { tier, key } = call
    let miss: Miss = { reason: 'absent', mayStore: true }
    for (;;) {
      const calledAt = moment()
      if (!tier.flights.has(key)) {
        const answer = this.#answer(call, await this.#read(call))
        if ('value' in answer) return answer.value
        miss = answer
      }
      const flight = tier.flights.get(key)
      if (flight === undefined) return this.#lead(call, miss)
      if (flight.waitsForCaller()) return this.#bypass(call, 'reentrant')
      const landing = await flight.join()
      // Else the load began before this call and may hold what was invalidated since: begin again.
      if (flight.mayServe(calledAt, landing)) return this.#share(call, landing, miss.reason)
    }
  }

  /** What stands at the key; trouble is a state like others. */
  async #read({ tier, key, policy, tags }: KeyedCall): Promise<Seen> {
    const read = () => readTagged(tier, this.#around.prefix, key, tags)
    const seen = await this.#around.guard('read', policy.name, read)
    return seen instanceof CacheTroubleError ? { kind: 'error', error: seen } : seen
  }

  /** The value for this caller, or why there is none. */
  #answer(call: KeyedCall, state: Seen): Found | Miss {
    switch (state.kind) {
      case 'value':
        return this.#unpack(call, state)
      case 'untagged':
        return { reason: 'tag', mayStore: true, over: entryHead('value', state.header.id) }
      case 'absent':
        return { reason: 'absent', mayStore: true }
      case 'pass':
        return { reason: 'passed', mayStore: true }
      case 'lease':
        // Nobody waits for a lease that was taken over a pass marker: its result is likely not to be stored either.
        return { reason: state.header.optimistic ? 'passed' : 'leased', mayStore: false }
      case 'error':
        // If reading failed, load and do not write: without a lease nothing proves that the value is fresh.
        return { reason: 'unavailable', mayStore: false }
      default:
        return { reason: 'foreign', mayStore: false }
    }
  }

  #unpack(call: KeyedCall, { header, body }: Value): Found | Miss {
    const { tier, policy, rules } = call
    const now = tier.driver.time()
    const unusable = (reason: MissReason): Miss => ({ reason, mayStore: true, over: entryHead('value', header.id) })
    if (header.version !== policy.version) return unusable('version')
    if (header.hardExpiresAt <= now) return unusable('expired')
    let value: unknown
    try {
      value = tier.driver.packing.unpack(body, rules)
    } catch (error) {
      // One bad value is a miss for its own key, and the lease may replace it.
      this.#around.events.emit({ type: 'trouble', operation: 'decode', name: policy.name, error: asTrouble(error) })
      return unusable('unreadable')
    }
    this.#hit(call, header.createdAt, header.hardExpiresAt, now)
    return { value }
  }

  #hit(call: KeyedCall, createdAt: number, expiresAt: number, now: number): void {
    const { events } = this.#around
    if (!events.heard) {
      events.countHit()
      return
    }
    const age = { ageMs: Math.max(0, now - createdAt), ttlMs: expiresAt - now }
    events.emit({ type: 'hit', ...about(call), tier: call.tier.driver.name as Tier, ...age })
  }

  /** This call loads, for itself and for whoever joins it meanwhile. */
  async #lead(call: KeyedCall, miss: Miss): Promise<unknown> {
    const { tier, key, policy } = call
    const { guard, clock, events, track } = this.#around
    const flight = new Flight()
    tier.flights.set(key, flight)

    const claim = await this.#claim(call, flight, miss)
    if ('value' in claim) {
      // How new it is, `#waitForOther` has noted.
      this.#takeOff(call, flight, { ok: true, value: claim.value, body: undefined, loadMs: 0, proven: false })
      return claim.value
    }
    const lease = 'token' in claim ? claim : undefined
    const { reason } = 'token' in claim ? miss : claim

    const ended = lease ? keepLease(tier.driver, key, lease.token, policy.name, guard, clock) : () => {}
    const began = clock.now()
    try {
      const value = await flight.load(call.load)
      const loadMs = clock.now() - began
      ended()
      events.emit({ type: 'miss', ...about(call), reason, collapsed: false, loadMs })
      // The caller does not wait for the store; whoever calls next in this process does, by joining this flight.
      track(this.#land(call, flight, value, loadMs, this.#storing.store(call, flight, lease, value, loadMs)))
      return value
    } catch (error) {
      const loadMs = clock.now() - began
      ended()
      this.#takeOff(call, flight, { ok: false, error, loadMs })
      if (lease) track(guard('release', policy.name, () => tier.driver.release(key, lease.token, PASS_MS)))
      events.emit({ type: 'load-error', ...about(call), reason, collapsed: false, loadMs, error })
      throw error
    }
  }

  /** The lease; or the value that someone has stored, or why to load without a lease. */
  async #claim(call: KeyedCall, flight: Flight, miss: Miss): Promise<Lease | Found | Miss> {
    const token = newId()
    const first = miss.mayStore ? await this.#acquire(call, token, miss) : miss
    return isLeased(first) ? this.#waitForOther(call, flight, token) : first
  }

  async #acquire(call: KeyedCall, token: string, miss: Miss): Promise<Lease | Miss> {
    const { tier, key, policy } = call
    const { guard, track } = this.#around
    const request = { token, leaseMs: LEASE_MS, over: miss.over }
    const [answer, noted] = await Promise.all([
      guard('acquire', policy.name, () => tier.driver.acquire(key, request)),
      this.#storing.note(call),
    ])
    // After a time-out it may stand all the same; the store will tell, since it succeeds only where our lease stands.
    const granted = answer === 'granted' || (answer instanceof CacheTroubleError && answer.code === 'TIMEOUT')
    if (granted && noted) return { token, noted }
    if (granted) track(guard('release', policy.name, () => tier.driver.release(key, token)))
    if (granted || answer instanceof CacheTroubleError) return { reason: 'unavailable', mayStore: false }
    // A value that has just been stored is waited for as well: it is there at the first look.
    return { reason: answer === 'value' ? 'leased' : (answer as 'leased' | 'foreign'), mayStore: false }
  }

  /**
   * Someone else is loading. Woken by the store, look what came of it, and take over when nothing did: its holder has
   * died, or the key was invalidated. A pass marker says that the result was not to be stored: nobody waits then.
   */
  async #waitForOther(call: KeyedCall, flight: Flight, token: string): Promise<Lease | Found | Miss> {
    const { tier, key } = call
    const { clock } = this.#around
    const giveUpAt = clock.now() + GIVE_UP_MS
    // Before the first look, so that nothing is missed between a look and a wait.
    const watch = tier.driver.watch(key)
    try {
      for (;;) {
        // What is read from here on is as new as this moment; who joins later has to look again.
        flight.begin()
        const answer = this.#answer(call, await this.#read(call))
        if ('value' in answer) return answer
        if (answer.reason === 'leased') {
          if (clock.now() >= giveUpAt) return answer
          await watch.wait(LOOK_AGAIN_MS, clock)
          continue
        }
        if (answer.reason === 'passed' || !answer.mayStore) return { ...answer, mayStore: false }
        const claim = await this.#acquire(call, token, answer)
        if (!isLeased(claim)) return claim
      }
    } finally {
      watch.end(watch)
    }
  }

  async #land(
    call: KeyedCall,
    flight: Flight,
    value: unknown,
    loadMs: number,
    storing: Promise<Stored>,
  ): Promise<void> {
    const stored = await storing
    this.#takeOff(call, flight, { ok: true, value, loadMs, ...stored })
  }

  #takeOff({ tier, key }: KeyedCall, flight: Flight, landing: Landing): void {
    if (tier.flights.get(key) === flight) tier.flights.delete(key)
    flight.land(landing)
  }

  /** A joined load's outcome, as this caller's own. */
  #share(call: KeyedCall, landing: Landing, reason: MissReason): unknown {
    const event = { ...about(call), reason, collapsed: true, loadMs: landing.loadMs }
    if (!landing.ok) {
      this.#around.events.emit({ type: 'load-error', ...event, error: landing.error })
      throw landing.error
    }
    try {
      const value = landing.body ? call.tier.driver.packing.unpack(landing.body, call.rules) : ownCopy(landing.value)
      this.#around.events.emit({ type: 'miss', ...event })
      return value
    } catch {
      // A stream or a class instance cannot be shared between callers: each has to have its own.
      return this.#loadAlone(call, reason)
    }
  }

  async #loadAlone(call: KeyedCall, reason: MissReason): Promise<unknown> {
    const { events, clock } = this.#around
    const began = clock.now()
    const event = { ...about(call), reason, collapsed: false }
    try {
      const value = await call.load()
      events.emit({ type: 'miss', ...event, loadMs: clock.now() - began })
      return value
    } catch (error) {
      events.emit({ type: 'load-error', ...event, loadMs: clock.now() - began, error })
      throw error
    }
  }

  /** Loads although a value stands, and replaces it if it still stands then. */
  async refresh(call: Call): Promise<unknown> {
    const tier = await this.#around.tierOf(call.policy.tier)
    if (tier.driver.name === 'null') return this.#bypass(call, 'disabled')
    const keyed = this.#keyed(tier, call)
    if (!keyed) return this.#bypass(call, 'unkeyable')
    // A load that is under way began before this call: it will not do.
    for (let flight = tier.flights.get(keyed.key); flight; flight = tier.flights.get(keyed.key)) {
      if (flight.waitsForCaller()) return this.#bypass(call, 'reentrant')
      await flight.join()
    }
    const state = await this.#read(keyed)
    if (state.kind === 'value' || state.kind === 'untagged') return this.#replace(keyed, state.header.id)
    return this.#lead(keyed, { mayStore: false, ...this.#answer(keyed, state), reason: 'refresh' })
  }

  async #replace(call: KeyedCall, id: string): Promise<unknown> {
    const { clock, track } = this.#around
    const noted = await this.#storing.note(call)
    const began = clock.now()
    const value = await this.#loadAlone(call, 'refresh')
    track(this.#storing.replace(call, entryHead('value', id), noted, value, clock.now() - began))
    return value
  }

  /** The stored value, without a load. */
  async peek(call: Call): Promise<unknown> {
    const tier = await this.#around.tierOf(call.policy.tier)
    const keyed = this.#keyed(tier, call)
    const answer = keyed && this.#answer(keyed, await this.#read(keyed))
    return answer && 'value' in answer ? answer.value : undefined
  }

  /** Stores a value as if the function had returned it for this call; true when it is stored. */
  async set(call: Call, value: unknown): Promise<boolean> {
    const tier = await this.#around.tierOf(call.policy.tier)
    const keyed = this.#keyed(tier, call)
    return keyed !== undefined && tier.driver.name !== 'null' && this.#storing.put(keyed, value)
  }

  /** The key below the prefix. */
  keyFor(call: Call): string | undefined {
    try {
      return call.policy.plan.derive(call.self, call.args)
    } catch {
      return undefined
    }
  }

  #wantsBypass(call: Call): boolean {
    try {
      return call.policy.bypass?.(call.self, call.args) ?? false
    } catch (error) {
      const why = `bypass of ${call.policy.name} threw, so the cache was left out: ${messageOf(error)}`
      this.#notice(call, 'callback-threw', why)
      return true
    }
  }

  async #bypass(call: Call, reason: BypassReason): Promise<unknown> {
    this.#around.events.emit({ type: 'bypass', name: call.policy.name, reason })
    return call.load()
  }

  #notice(call: Call, code: NoticeEvent['code'], message: string): void {
    this.#around.events.emit({ type: 'notice', code, level: 'warn', name: call.policy.name, message })
  }
}

function isLeased(claim: Lease | Found | Miss): boolean {
  return 'reason' in claim && claim.reason === 'leased'
}

/** @throws UnstorableError where it cannot be copied */
function ownCopy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  inspect(value, Number.POSITIVE_INFINITY)
  return copy(value)
}
