import type { Call } from './call.ts'
import type { Body, State, Value } from './drivers/driver.ts'
import { type EntryHeader, entryHead } from './entry.ts'
import { CacheTroubleError, messageOf, NoTenantError } from './errors.ts'
import type { Events, MissReason, NoticeEvent, Tier } from './events.ts'
import { asTrouble, type Guard } from './guard.ts'
import { about, type Identity, identify, KeyedCall } from './keyed-call.ts'
import type { PackRules, Serializer } from './packing.ts'
import type { Policy } from './policy.ts'
import { flawOf } from './schema.ts'
import { stampKey } from './stamp-key.ts'
import { standingOf } from './standing.ts'
import { readTagged, type Seen, untaggedWhere } from './tagged.ts'
import type { StoreTier } from './tier.ts'

/** A value that may be served, to a caller of its own. */
export interface Found {
  readonly value: unknown
  /** As it was found, for others to unpack. */
  readonly from: Value
  /** The id of the value, when it is stale or soon will be and should be renewed in the background. */
  readonly renew?: string
}

/** What to do about a miss: load under a lease, perhaps in place of an unusable value, or load and store nothing. */
export interface Miss {
  readonly reason: MissReason
  readonly mayStore: boolean
  readonly over?: string
  /** A stale value, for when the function fails. It must not be replaced before there is a better one. */
  readonly spare?: Spare
  /** How long reading has taken, in ms. */
  readonly spentMs?: number
  /** Somebody else is renewing it, or has just failed to. */
  readonly refused?: true
}

export interface Spare {
  readonly value: unknown
  readonly header: EntryHeader
}

/** The first part of the path of a call: key, read, and whether what was found may be served. */
export class Reading {
  readonly #events: Events
  readonly #guard: Guard
  readonly #rules: PackRules
  readonly #prefix: string

  constructor(events: Events, guard: Guard, rules: PackRules, prefix: string) {
    this.#events = events
    this.#guard = guard
    this.#rules = rules
    this.#prefix = prefix
  }

  /** `undefined`, with one notice, where no key can be made of the arguments. */
  keyed(tier: StoreTier, call: Call, identity = this.identity(call)): KeyedCall | undefined {
    if (identity === undefined) return undefined
    const rules = this.#rulesFor(call.policy.serializer)
    return new KeyedCall(call, identity, tier, `${this.#prefix}::${identity.shownKey}`, rules)
  }

  /** The same, for what is done when the arguments may be others. */
  identity(call: Call): Identity | undefined {
    try {
      return identify(call)
    } catch (error) {
      const message = `calls of ${call.policy.name} are not cached, since ${messageOf(error)}`
      this.notice(call, error instanceof NoTenantError ? 'no-tenant' : 'unkeyable', message)
      return undefined
    }
  }

  /** Why what stands there would be loaded anew all the same. The schema's own words stay out of it. */
  flawIn(
    { driver }: StoreTier,
    body: Body,
    { serializer, schema }: Partial<Pick<Policy, 'serializer' | 'schema'>>,
  ): { readonly reason: MissReason; readonly why: string } | undefined {
    let value: unknown
    try {
      value = driver.packing.unpack(body, this.#rulesFor(serializer))
    } catch (error) {
      return { reason: 'unreadable', why: messageOf(error) }
    }
    const why = flawOf(schema, value)
    return why === undefined ? undefined : { reason: 'invalid', why }
  }

  #rulesFor(serializer: Serializer | undefined): PackRules {
    return serializer ? { ...this.#rules, serializer } : this.#rules
  }

  /** What is in this process; `undefined` where a read is needed, if only of a tag's stamp. */
  now(call: Pick<KeyedCall, 'tier' | 'key'>): Seen | undefined {
    const { readNow } = call.tier.driver
    const state = readNow?.(call.key)
    if (!readNow || state === undefined || !hasStamps(state)) return state
    const stamps = new Map<string, State>()
    for (const [tag] of state.header.stamps) {
      const stamp = readNow(stampKey(this.#prefix, tag))
      if (stamp === undefined) return undefined
      stamps.set(tag, stamp)
    }
    return untaggedWhere(state, (tag) => stamps.get(tag) as State)
  }

  /** Whether that is all there is to a read, as of most: no tags to look at, and no trouble for the guard. */
  isAll(state: State): boolean {
    return !hasStamps(state) && state.kind !== 'error'
  }

  /** What stands at the key; trouble is a state like others. */
  async read({ tier, key, policy, tags }: KeyedCall, reading = tier.read(key)): Promise<Seen> {
    // The stamps of tags that are known go into the same command.
    const state = tags.length === 0 ? await reading : undefined
    if (state !== undefined && this.isAll(state)) return state
    const seen = await this.#guard('read', policy.name, () => readTagged(tier, this.#prefix, key, tags, reading))
    return seen instanceof CacheTroubleError ? { kind: 'error', error: seen } : seen
  }

  /**
   * The value for this caller, or why there is none.
   * @param atOnce - it was found in this process; where it cannot be served, that is met again, and reported, by a read
   */
  answer(call: KeyedCall, state: Seen, atOnce = false): Found | Miss {
    switch (state.kind) {
      case 'value':
        return this.#judge(call, state, atOnce)
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

  #judge(call: KeyedCall, from: Value, atOnce: boolean): Found | Miss {
    const { header, body } = from
    const { tier, policy, rules } = call
    const now = tier.driver.time()
    const unusable = (reason: MissReason): Miss => ({ reason, mayStore: true, over: entryHead('value', header.id) })
    const standing = standingOf(header, policy, now)
    if (standing === 'version' || standing === 'expired') return unusable(standing)
    let value: unknown
    try {
      value = tier.driver.packing.unpack(body, rules)
    } catch (error) {
      // One bad value is a miss for its own key, and the lease may replace it.
      if (!atOnce)
        this.#events.emit({ type: 'trouble', operation: 'decode', name: policy.name, error: asTrouble(error) })
      return unusable('unreadable')
    }
    const flaw = flawOf(policy.schema, value)
    if (flaw !== undefined) {
      if (!atOnce) this.notice(call, 'invalid', `what is stored for ${policy.name} is loaded anew: ${flaw}`)
      return unusable('invalid')
    }
    if (standing === 'spare') return { reason: 'stale', mayStore: true, spare: { value, header } }
    this.hit(call, header, atOnce)
    return standing === 'stale' || isDue(header, now, policy.refreshAhead)
      ? { value, from, renew: header.id }
      : { value, from }
  }

  hit(call: KeyedCall, { createdAt, softExpiresAt, expired }: EntryHeader, atOnce = false): void {
    const { driver } = call.tier
    const near = atOnce && driver.name === 'redis'
    if (!this.#events.heard) {
      this.#events.countHit(near)
      return
    }
    const now = driver.time()
    const age = {
      ageMs: Math.max(0, now - createdAt),
      ttlMs: softExpiresAt - now,
      stale: expired || softExpiresAt <= now,
    }
    this.#events.emit({ type: 'hit', ...about(call), tier: near ? 'near' : (driver.name as Tier), ...age })
  }

  notice(call: Call, code: NoticeEvent['code'], message: string): void {
    this.#events.emit({ type: 'notice', code, level: 'warn', name: call.policy.name, message })
  }
}

/** Whether what a function of this key has loaded is for this call: it may be another function, of another version. */
export function fits(value: unknown, { policy }: KeyedCall, loadedBy: Policy | undefined): boolean {
  if (policy === loadedBy) return true
  return policy.version === loadedBy?.version && flawOf(policy.schema, value) === undefined
}

function hasStamps(state: State): state is Value {
  return state.kind === 'value' && state.header.stamps.length > 0
}

/** XFetch: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015. */
function isDue({ loadMs, softExpiresAt }: EntryHeader, now: number, beta: number): boolean {
  return beta > 0 && now - loadMs * beta * Math.log(Math.random()) >= softExpiresAt
}
