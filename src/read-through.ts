import type { Clock } from './clock.ts'
import type { Draft, State, Value } from './drivers/driver.ts'
import { entryHead, newId } from './entry.ts'
import { CacheTroubleError, messageOf, TooLargeError, UnstorableError } from './errors.ts'
import type { Events, MissReason, NoticeEvent, StoreEvent, Tier, UnstoredReason } from './events.ts'
import { Flight, type Landing, moment, type Shareable } from './flight.ts'
import { asTrouble, type Guard } from './guard.ts'
import { copy } from './isolation.ts'
import { keepLease, LEASE_MS, PASS_MS } from './lease.ts'
import type { PackRules } from './packing.ts'
import type { Policy, TierChoice } from './policy.ts'
import { inspect } from './storable.ts'
import type { StoreTier } from './tier.ts'

/** What the path of a call needs of the cache around it. */
export interface Surroundings {
  readonly events: Events
  readonly guard: Guard
  readonly clock: Clock
  /** For values of functions without a serializer of their own. */
  readonly rules: PackRules
  /** What every key begins with. */
  readonly scope: string
  /** A promise only until the store is known. */
  tierOf(choice: TierChoice): StoreTier | Promise<StoreTier>
  /** Work that goes on after a call has returned, and that `close()` waits for. */
  track(work: Promise<unknown>): void
}

/** One call of a cached function. */
export interface Call {
  readonly policy: Policy
  readonly self: unknown
  readonly args: readonly unknown[]
  readonly load: () => unknown
}

/** A call for which a store and a key are known. */
export interface KeyedCall extends Call {
  readonly tier: StoreTier
  readonly key: string
  readonly rules: PackRules
}

/** What to do about a miss: load under a lease, perhaps in place of an unusable value, or load and store nothing. */
interface Miss {
  readonly reason: MissReason
  readonly mayStore: boolean
  readonly over?: string
}

/**
 * The path of a call: key → memory → join a load? → read, together with other reads → usable? → lease → load → store.
 * From the top of this file to its end.
 */
export class ReadThrough {
  readonly #around: Surroundings

  constructor(around: Surroundings) {
    this.#around = around
  }

  run(call: Call): Promise<unknown> {
    const tier = this.#around.tierOf(call.policy.tier)
    return tier instanceof Promise ? tier.then((known) => this.#runOn(known, call)) : this.#runOn(tier, call)
  }

  #runOn(tier: StoreTier, call: Call): Promise<unknown> {
    if (tier.driver.name === 'null') return this.#bypass(call, 'disabled')
    if (call.policy.bypass && this.#wantsBypass(call)) return this.#bypass(call, 'option')
    const keyed = this.keyed(tier, call)
    if (keyed === undefined) return this.#bypass(call, 'unkeyable')
    // A store in this process answers at once: a hit takes no turn of the loop.
    if (tier.driver.readNow) {
      const answer = this.#answer(keyed, tier.driver.readNow(keyed.key))
      if ('value' in answer) return Promise.resolve(answer.value)
    }
    return this.#find(keyed)
  }

  /** `undefined`, with one notice, where no key can be made of the arguments. */
  keyed(tier: StoreTier, call: Call): KeyedCall | undefined {
    const { policy, self, args, load } = call
    const { scope } = this.#around
    try {
      const key = scope + policy.plan.derive(self, args)
      const rules = policy.serializer ? { ...this.#around.rules, serializer: policy.serializer } : this.#around.rules
      return { policy, self, args, load, tier, key, rules }
    } catch (error) {
      this.#notice(call, 'unkeyable', `calls of ${policy.name} are not cached, since ${messageOf(error)}`)
      return undefined
    }
  }

  async #find(call: KeyedCall): Promise<unknown> {
    const { tier, key } = call
    let miss: Miss = { reason: 'absent', mayStore: true }
    let lease: string | undefined
    for (;;) {
      const calledAt = moment()
      if (!tier.flights.has(key)) {
        const state = await this.read(call)
        const answer = this.#answer(call, state)
        if ('value' in answer) return answer.value
        // It may be the lease of a load of our own that has landed while we read: then it is gone by now.
        if (state.kind === 'lease' && state.header.id !== lease && !tier.flights.has(key)) {
          lease = state.header.id
          continue
        }
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
  async read({ tier, key, policy }: KeyedCall): Promise<State> {
    const state = await this.#around.guard('read', policy.name, async () => {
      const found = await tier.read(key)
      if (found.kind === 'error') throw found.error
      return found
    })
    return state instanceof CacheTroubleError ? { kind: 'error', error: state } : state
  }

  /** The value for this caller, or why there is none. */
  #answer(call: KeyedCall, state: State): { readonly value: unknown } | Miss {
    switch (state.kind) {
      case 'value':
        return this.#unpack(call, state)
      case 'absent':
        return { reason: 'absent', mayStore: true }
      case 'pass':
        return { reason: 'passed', mayStore: true }
      case 'lease':
        return { reason: 'leased', mayStore: false }
      case 'error':
        // If reading failed, load and do not write: without a lease nothing proves that the value is fresh.
        return { reason: 'unavailable', mayStore: false }
      default:
        return { reason: 'foreign', mayStore: false }
    }
  }

  #unpack(call: KeyedCall, { header, body }: Value): { readonly value: unknown } | Miss {
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
    events.emit({ type: 'hit', ...this.#about(call), tier: tierName(call), ...age })
  }

  /** This call loads, for itself and for whoever joins it meanwhile. */
  async #lead(call: KeyedCall, miss: Miss): Promise<unknown> {
    const { tier, key, policy } = call
    const { guard, clock } = this.#around
    const flight = new Flight()
    tier.flights.set(key, flight)

    const token = newId()
    const refused = miss.mayStore ? await this.#acquire(call, token, miss) : miss
    if (refused && 'value' in refused) return this.#landOnValue(call, flight, refused.value)
    const lease = refused ? undefined : token
    const { reason } = refused ?? miss

    const release = lease ? keepLease(tier.driver, key, lease, policy.name, guard, clock) : () => {}
    const began = clock.now()
    try {
      const value = await flight.load(call.load)
      const loadMs = clock.now() - began
      release()
      this.#around.events.emit({ type: 'miss', ...this.#about(call), reason, collapsed: false, loadMs })
      // The caller does not wait for the store; whoever calls next in this process does, by joining this flight.
      this.#around.track(this.#land(call, flight, loadMs, this.#store(call, lease, value, loadMs, flight.joined)))
      return value
    } catch (error) {
      const loadMs = clock.now() - began
      release()
      this.#takeOff(call, flight, { ok: false, error, loadMs })
      if (lease) this.#around.track(guard('release', policy.name, () => tier.driver.release(key, lease)))
      this.#around.events.emit({ type: 'load-error', ...this.#about(call), reason, collapsed: false, loadMs, error })
      throw error
    }
  }

  /** `undefined` when the lease is ours; else the value that someone has just stored, or why to load without one. */
  async #acquire(call: KeyedCall, token: string, miss: Miss): Promise<undefined | { readonly value: unknown } | Miss> {
    const { tier, key, policy } = call
    const request = { token, leaseMs: LEASE_MS, over: miss.over }
    const answer = await this.#around.guard('acquire', policy.name, () => tier.driver.acquire(key, request))
    if (answer instanceof CacheTroubleError) {
      // It may have been granted all the same; the store will tell, since it succeeds only where our lease stands.
      return answer.code === 'TIMEOUT' ? undefined : { reason: 'unavailable', mayStore: false }
    }
    if (answer === 'granted') return undefined
    if (answer !== 'value') return { reason: answer, mayStore: false }
    const again = this.#answer(call, await this.read(call))
    return 'value' in again ? again : { ...again, mayStore: false }
  }

  #landOnValue(call: KeyedCall, flight: Flight, value: unknown): unknown {
    this.#takeOff(call, flight, { ok: true, shareable: 'late', loadMs: 0, proven: false })
    return value
  }

  async #land(
    call: KeyedCall,
    flight: Flight,
    loadMs: number,
    storing: Promise<{ readonly proven: boolean; readonly shareable: Shareable }>,
  ): Promise<void> {
    this.#takeOff(call, flight, { ok: true, loadMs, ...(await storing) })
  }

  #takeOff({ tier, key }: KeyedCall, flight: Flight, landing: Landing): void {
    if (tier.flights.get(key) === flight) tier.flights.delete(key)
    flight.land(landing)
  }

  /**
   * Stores what was loaded, if it may be. Everything up to the first command happens before the caller has the value
   * in hand and can change it.
   */
  async #store(
    call: KeyedCall,
    lease: string | undefined,
    value: unknown,
    loadMs: number,
    joined: boolean,
  ): Promise<{ proven: boolean; shareable: Shareable }> {
    const { tier, key, policy } = call
    const { guard } = this.#around
    const draft = this.draft(call, value, loadMs)
    const shareable = typeof draft === 'string' ? shareableCopy(value, joined) : { body: draft.body }
    if (lease === undefined) {
      this.#stored(call, typeof draft === 'string' ? draft : 'unleased')
      return { proven: false, shareable }
    }
    if (typeof draft === 'string') {
      const released = await guard('release', policy.name, () => tier.driver.release(key, lease, PASS_MS))
      this.#stored(call, draft)
      return { proven: released === true, shareable }
    }
    return { proven: await this.#commit(call, entryHead('lease', lease), draft), shareable }
  }

  /** The entry to store, or why there is none. */
  draft(call: KeyedCall, value: unknown, loadMs: number): Draft | UnstoredReason {
    const { policy, self, args, tier, rules } = call
    try {
      const ttlMs = policy.ttlMs(self, value, args)
      if (ttlMs === undefined) return 'uncacheable'
      return { id: newId(), body: tier.driver.packing.pack(value, rules), ttlMs, loadMs, version: policy.version }
    } catch (error) {
      return this.#refusal(call, error)
    }
  }

  #refusal(call: KeyedCall, error: unknown): UnstoredReason {
    const { name } = call.policy
    if (error instanceof TooLargeError) {
      this.#notice(call, 'too-large', `results of ${name} are passed through and not stored: ${error.message}`)
      return 'too-large'
    }
    if (error instanceof UnstorableError) {
      const hint = 'return plain data, or give a serializer'
      this.#notice(call, 'unstorable', `results of ${name} are not stored, since ${error.message}: ${hint}`)
      return 'unstorable'
    }
    this.#notice(call, 'callback-threw', `a result of ${name} was not stored: ${messageOf(error)}`)
    return 'uncacheable'
  }

  /** A joined load's outcome, as this caller's own. */
  #share(call: KeyedCall, landing: Landing, reason: MissReason): unknown {
    const about = { ...this.#about(call), reason, collapsed: true, loadMs: landing.loadMs }
    if (!landing.ok) {
      this.#around.events.emit({ type: 'load-error', ...about, error: landing.error })
      throw landing.error
    }
    const { shareable } = landing
    if (typeof shareable === 'string') return this.#loadAlone(call, reason)
    let value: unknown
    try {
      value = 'copy' in shareable ? copy(shareable.copy) : call.tier.driver.packing.unpack(shareable.body, call.rules)
    } catch {
      // Stored by another function, with a serializer of its own.
      return this.#loadAlone(call, reason)
    }
    this.#around.events.emit({ type: 'miss', ...about })
    return value
  }

  async #loadAlone(call: KeyedCall, reason: MissReason): Promise<unknown> {
    const { events, clock } = this.#around
    const began = clock.now()
    const about = { ...this.#about(call), reason, collapsed: false }
    try {
      const value = await call.load()
      events.emit({ type: 'miss', ...about, loadMs: clock.now() - began })
      return value
    } catch (error) {
      events.emit({ type: 'load-error', ...about, loadMs: clock.now() - began, error })
      throw error
    }
  }

  /** Loads although a value stands, and replaces it if it still stands then. */
  async refresh(call: Call): Promise<unknown> {
    const tier = await this.#around.tierOf(call.policy.tier)
    const keyed = this.keyed(tier, call)
    if (tier.driver.name === 'null') return this.#bypass(call, 'disabled')
    if (!keyed) return this.#bypass(call, 'unkeyable')
    // A load that is under way began before this call: it will not do.
    for (;;) {
      const flight = keyed.tier.flights.get(keyed.key)
      if (!flight) break
      if (flight.waitsForCaller()) return this.#bypass(call, 'reentrant')
      await flight.join()
    }
    const state = await this.read(keyed)
    if (state.kind === 'value') return this.#replace(keyed, entryHead('value', state.header.id))
    const answer = this.#answer(keyed, state)
    return this.#lead(keyed, { mayStore: false, ...answer, reason: 'refresh' })
  }

  async #replace(call: KeyedCall, head: string): Promise<unknown> {
    const { clock, track } = this.#around
    const began = clock.now()
    const value = await this.#loadAlone(call, 'refresh')
    const draft = this.draft(call, value, clock.now() - began)
    if (typeof draft === 'string') this.#stored(call, draft)
    else track(this.#commit(call, head, draft))
    return value
  }

  async #commit(call: KeyedCall, head: string, draft: Draft): Promise<boolean> {
    const { tier, key, policy } = call
    const stored = await this.#around.guard('store', policy.name, () => tier.driver.commit(key, head, draft))
    this.#stored(call, stored === true ? draft : stored === false ? 'superseded' : 'unavailable')
    return stored === true
  }

  /** The stored value, without a load. */
  async peek(call: Call): Promise<unknown> {
    const tier = await this.#around.tierOf(call.policy.tier)
    const keyed = this.keyed(tier, call)
    if (!keyed) return undefined
    const answer = this.#answer(keyed, await this.read(keyed))
    return 'value' in answer ? answer.value : undefined
  }

  /** Stores a value as if the function had returned it for this call; true when it is stored. */
  async set(call: Call, value: unknown): Promise<boolean> {
    const tier = await this.#around.tierOf(call.policy.tier)
    const keyed = this.keyed(tier, call)
    if (!keyed || tier.driver.name === 'null') return false
    const draft = this.draft(keyed, value, 0)
    const outcome = typeof draft === 'string' ? draft : await this.#put(keyed, draft)
    this.#stored(keyed, outcome)
    return typeof outcome !== 'string'
  }

  async #put({ tier, key, policy }: KeyedCall, draft: Draft): Promise<Draft | UnstoredReason> {
    const count = await this.#around.guard('set', policy.name, () => tier.driver.put([{ key, draft }]))
    return count instanceof CacheTroubleError ? 'unavailable' : draft
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
      this.#notice(
        call,
        'callback-threw',
        `bypass of ${call.policy.name} threw, so the cache was left out: ${messageOf(error)}`,
      )
      return true
    }
  }

  async #bypass(call: Call, reason: 'disabled' | 'option' | 'unkeyable' | 'reentrant'): Promise<unknown> {
    this.#around.events.emit({ type: 'bypass', name: call.policy.name, reason })
    return call.load()
  }

  #stored(call: KeyedCall, outcome: Draft | UnstoredReason): void {
    const event = { type: 'store', ...this.#about(call), tier: tierName(call) } as const
    const result: Pick<StoreEvent, 'stored' | 'reason' | 'size'> =
      typeof outcome === 'string' ? { stored: false, reason: outcome } : { stored: true, size: outcome.body.size }
    this.#around.events.emit({ ...event, ...result })
  }

  #notice(call: Call, code: NoticeEvent['code'], message: string): void {
    this.#around.events.emit({ type: 'notice', code, level: 'warn', name: call.policy.name, message })
  }

  #about({ policy, key }: KeyedCall): { name: string; key: string } {
    return { name: policy.name, key: key.slice(this.#around.scope.length) }
  }
}

function tierName({ tier }: KeyedCall): Tier {
  return tier.driver.name as Tier
}

/** For a value that is not packed. To copy it costs something, so that is done only where it is waited for. */
function shareableCopy(value: unknown, joined: boolean): Shareable {
  if (typeof value === 'object' && value !== null && !joined) return 'late'
  try {
    inspect(value, Number.POSITIVE_INFINITY)
    return { copy: copy(value) }
  } catch {
    return 'never'
  }
}
