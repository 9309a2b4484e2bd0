import { resultTagsOf, ttlOf } from './answers.ts'
import type { Clock } from './clock.ts'
import { compressionFor } from './compression.ts'
import type { Draft } from './drivers/driver.ts'
import { type EntryHeader, entryHead, newId } from './entry.ts'
import { CacheTroubleError, messageOf } from './errors.ts'
import type { Events, NoticeEvent, StoreEvent, Tier, UnstoredReason } from './events.ts'
import type { Flight, Shareable } from './flight.ts'
import type { Guard } from './guard.ts'
import { copy } from './isolation.ts'
import { about, type KeyedCall } from './keyed-call.ts'
import type { Lease } from './lease.ts'
import { flawOf } from './schema.ts'
import { ANY_TAG, tagsIn } from './stamp-key.ts'
import type { FoundStamp } from './stamps.ts'
import { inspect, TooLargeError, UnstorableError } from './storable.ts'
import { ensureStamps, type Seen, stampsStand } from './tagged.ts'

/** Stamps that stood before the load. */
export interface Noted {
  readonly stamps: EntryHeader['stamps']
  /** Where tags will come from the result: the stamp that changes with any of them. */
  readonly anyTag: FoundStamp | undefined
  /** By our own clock, from before the lease was asked for. */
  readonly since: number
}

/** What became of a load, for those who joined it. */
export interface Stored {
  readonly proven: boolean
  readonly shareable: Shareable
  /** False: it has neither been stored nor taken what stood there from its place. */
  readonly replaced?: boolean
}

/** Stamps tell whole milliseconds, and clocks do not run quite alike. */
const CLOCK_MARGIN_MS = 10
const UNSHARED: Stored = Object.freeze({ proven: false, shareable: 'late' })
const NOTHING_NOTED: Noted = Object.freeze({ stamps: [], anyTag: undefined, since: 0 })

/** The last part of the path of a call: what becomes of a loaded result. */
export class Storing {
  readonly #events: Events
  readonly #guard: Guard
  readonly #prefix: string
  readonly #clock: Clock

  constructor(events: Events, guard: Guard, prefix: string, clock: Clock) {
    this.#events = events
    this.#guard = guard
    this.#prefix = prefix
    this.#clock = clock
  }

  /** The stamps of tags that are known before the load; `undefined` when they cannot be had. */
  async note({ tags, policy, tier }: KeyedCall): Promise<Noted | undefined> {
    const names = policy.resultTags ? [...tags, ANY_TAG] : tags
    if (names.length === 0) return NOTHING_NOTED
    const since = this.#clock.now()
    const ensure = () => ensureStamps(tier, this.#prefix, names, (policy.ttl.fixedMs ?? 0) + policy.keepStaleMs)
    const found = await this.#guard('stamps', policy.name, ensure)
    if (found instanceof CacheTroubleError) return undefined
    return { stamps: pairs(tags, found), anyTag: policy.resultTags ? found[tags.length] : undefined, since }
  }

  /**
   * Stores what was loaded under a lease, if it may be. Everything up to the first command happens before the caller
   * has the value in hand and can change it.
   */
  async store(
    call: KeyedCall,
    flight: Flight,
    lease: Lease | undefined,
    value: unknown,
    loadMs: number,
  ): Promise<Stored> {
    if (lease === undefined && !flight.joined) {
      this.report(call, 'unleased')
      return UNSHARED
    }
    const draft = this.#draft(call, value, loadMs)
    const shareable = typeof draft === 'string' ? shareableCopy(value, flight.joined) : { body: draft.body }
    if (lease === undefined) {
      this.report(call, typeof draft === 'string' ? draft : 'unleased')
      return { proven: false, shareable }
    }
    const stamped = await this.#stamp(call, lease.noted, value, draft)
    // Who calls from here on is not covered by the proof.
    flight.seal()
    const { head, noted } = lease
    const settled = typeof stamped === 'string' ? this.#giveUp(call, lease, stamped) : this.#commit(call, head, stamped)
    const stamps = typeof stamped === 'string' ? allNoted(noted) : stamped.stamps
    const proven = await this.#proof(call, flight, stamps, settled)
    if (typeof stamped !== 'string') await lease.done()
    return { proven, shareable, replaced: await settled }
  }

  /** Stores what an update has made, or sees to it that nothing older stands in its place. */
  async update(call: KeyedCall, lease: Lease | undefined, value: unknown): Promise<void> {
    const draft = this.#draft(call, value, 0)
    const stamped = lease ? await this.#stamp(call, lease.noted, value, draft) : 'unleased'
    const stored =
      typeof stamped === 'string' || !lease ? this.report(call, stamped) : await this.#commit(call, lease.head, stamped)
    if (!stored) await this.drop(call)
  }

  /** What stands there is older than what an update has made. */
  async drop({ tier, key, policy }: KeyedCall): Promise<void> {
    const removed = await this.#guard('remove', policy.name, () => tier.driver.invalidate({ key }))
    if (removed instanceof CacheTroubleError) tier.driver.defer({ key })
  }

  /**
   * Ends a value that has been stored since `call` began, by a load from before that. One that has been expired is kept for who
   * falls back on it.
   *
   * @param seen - what stands there
   * @param began - by the server's clock
   */
  async endOlder({ tier, key, policy, replaces }: KeyedCall, seen: Seen, began: number): Promise<void> {
    if (seen.kind !== 'value') return
    const { id, createdAt, loadMs, expired } = seen.header
    if (expired || id === replaces || createdAt - loadMs >= began) return
    const head = entryHead('value', id)
    await this.#guard('remove', policy.name, () => tier.driver.retract(key, head))
  }

  /** Stores whatever stands there; true when it is stored. */
  async put(call: KeyedCall, value: unknown): Promise<boolean> {
    const { tier, key, policy } = call
    const draft = this.#draft(call, value, 0)
    const stamped = await this.#stamp(call, await this.note(call), value, draft)
    if (typeof stamped === 'string') return this.report(call, stamped)
    const count = await this.#guard('set', policy.name, () => tier.driver.put([{ key, draft: stamped }]))
    if (count === 0) return this.report(call, 'too-large')
    return this.report(call, count instanceof CacheTroubleError ? 'unavailable' : stamped)
  }

  /** The entry to store, or why there is none. */
  #draft(call: KeyedCall, value: unknown, loadMs: number): Draft | UnstoredReason {
    const { policy, tier, rules } = call
    try {
      const ttlMs = ttlOf(call, value)
      if (ttlMs === undefined) return 'uncacheable'
      const flaw = flawOf(policy.schema, value)
      if (flaw !== undefined) {
        this.#notice(call, 'invalid', `a result of ${policy.name} was passed through and not stored: ${flaw}`)
        return 'invalid'
      }
      const body = tier.driver.packing.pack(value, rules)
      const keepMs = ttlMs + policy.keepStaleMs
      const compression = compressionFor(policy.compress, rules.compression)
      return { id: newId(), body, compression, ttlMs, keepMs, loadMs, version: policy.version, stamps: [] }
    } catch (error) {
      return this.#refusal(call, error)
    }
  }

  /**
   * The entry with all stamps that it has to note. Those of tags that only the result tells could not be read before
   * the load: they must show that they have not changed since, else the result is not stored.
   */
  async #stamp(
    call: KeyedCall,
    noted: Noted | undefined,
    value: unknown,
    draft: Draft | UnstoredReason,
  ): Promise<Draft | UnstoredReason> {
    if (typeof draft === 'string') return draft
    if (noted === undefined) return 'unavailable'
    const { policy, tier } = call
    const { anyTag } = noted
    if (anyTag === undefined) return { ...draft, stamps: noted.stamps }
    const more = this.#resultTags(call, value)
    if (typeof more === 'string') return more
    // An invalidation changes the stamp of any tag first. It is asked for last, when the others are here: who sees a tag
    // changed sees that too, also where another server of a cluster has it.
    const ensure = (tags: readonly string[]) => ensureStamps(tier, this.#prefix, tags, draft.keepMs)
    const found = await this.#guard('stamps', policy.name, async () => {
      const own = await ensure(more)
      const [any] = await ensure([ANY_TAG])
      return { own, any }
    })
    if (found instanceof CacheTroubleError) return 'unavailable'
    const { own, any } = found
    // One that had to be made may have been lost after an invalidation: then no tag may have been invalidated at all.
    const quiet = any?.id === anyTag.id
    // Told by the clock of the server that has the stamp, and of no other: in a cluster they may differ.
    const elapsedMs = this.#clock.now() - noted.since + CLOCK_MARGIN_MS
    const unchanged = own.every((stamp) => quiet || (!stamp.made && stamp.now - stamp.changedAt > elapsedMs))
    return unchanged ? { ...draft, stamps: [...noted.stamps, ...pairs(more, own)] } : 'superseded'
  }

  #resultTags(call: KeyedCall, value: unknown): readonly string[] | UnstoredReason {
    try {
      return tagsIn(call.tagSpace, resultTagsOf(call, value)).filter((tag) => !call.tags.includes(tag))
    } catch (error) {
      return this.#refusal(call, error)
    }
  }

  async #commit(call: KeyedCall, head: string, draft: Draft): Promise<boolean> {
    const { tier, key, policy } = call
    const stored = await this.#guard('store', policy.name, () => tier.driver.commit(key, head, draft))
    return this.report(call, stored === true ? draft : stored === false ? 'superseded' : 'unavailable')
  }

  async #giveUp(call: KeyedCall, lease: Lease, reason: UnstoredReason): Promise<boolean> {
    this.report(call, reason)
    // When the store is away nothing is known of what was invalidated, nor is the result at fault.
    return lease.giveUp(reason === 'superseded' || reason === 'unavailable' ? 'superseded' : 'uncacheable')
  }

  /** The lease stood to the end. That says nothing of tags, so where someone needs to know, they are looked at again. */
  async #proof(
    call: KeyedCall,
    flight: Flight,
    stamps: EntryHeader['stamps'],
    leaseStood: Promise<boolean>,
  ): Promise<boolean> {
    const look = () => stampsStand(call.tier, this.#prefix, stamps)
    const [stood, stand] = await Promise.all([
      leaseStood,
      flight.needsProof && stamps.length > 0 ? this.#guard('stamps', call.policy.name, look) : true,
    ])
    return stood && stand === true
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

  /** One event for each loaded result: whether it is stored. */
  report(call: KeyedCall, outcome: Draft | UnstoredReason): boolean {
    const stored = typeof outcome !== 'string'
    const result: Pick<StoreEvent, 'reason' | 'size'> = stored ? { size: outcome.body.size } : { reason: outcome }
    const { name: tier } = call.tier.driver
    this.#events.emit({ type: 'store', ...about(call), tier: tier as Tier, stored, ...result })
    return stored
  }

  #notice(call: KeyedCall, code: NoticeEvent['code'], message: string): void {
    this.#events.emit({ type: 'notice', code, level: 'warn', name: call.policy.name, message })
  }
}

/** Of a result that is not kept nobody asks its own tags: that no tag at all has changed has to do. */
function allNoted({ stamps, anyTag }: Noted): EntryHeader['stamps'] {
  return anyTag ? [...stamps, [ANY_TAG, anyTag.id]] : stamps
}

/** So much is copied for those who wait; a result that is larger everyone loads. */
const MAX_COPIED_BYTES = 64 * 1024 * 1024

/** For a result that is not packed: a copy, made while the value is still as it was loaded. */
function shareableCopy(value: unknown, wanted: boolean): Shareable {
  if (typeof value === 'object' && value !== null && !wanted) return 'late'
  try {
    inspect(value, MAX_COPIED_BYTES)
    return { copy: copy(value) }
  } catch {
    return 'never'
  }
}

function pairs(tags: readonly string[], stamps: readonly FoundStamp[]): EntryHeader['stamps'] {
  return tags.map((tag, i) => [tag, (stamps[i] as FoundStamp).id] as const)
}
