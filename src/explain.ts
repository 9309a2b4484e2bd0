import { isBypassed } from './answers.ts'
import type { Call, ManyCall } from './call.ts'
import { inCommitScope } from './commit-scope.ts'
import type { Driver, Looked, State } from './drivers/driver.ts'
import type { EntryHeader } from './entry.ts'
import { CacheConfigError, CacheTroubleError, messageOf, type NoTenantError } from './errors.ts'
import type { BypassReason, MissReason } from './events.ts'
import { type Explanation, explanation, type LeaseState, type StoredEntry, type TagState } from './explanation.ts'
import type { Guard } from './guard.ts'
import { encodeTag } from './key.ts'
import { identify } from './keyed-call.ts'
import type { Policy, TierChoice } from './policy.ts'
import type { Reading } from './reading.ts'
import { electionKey, stampKey } from './stamp-key.ts'
import { fateOf } from './stamps.ts'
import { standingOf } from './standing.ts'
import { type Seen, untaggedWhere } from './tagged.ts'
import type { StoreTier } from './tier.ts'

/** What explaining needs of the cache around it. */
export interface ExplainSurroundings {
  readonly guard: Guard
  readonly reading: Pick<Reading, 'now' | 'flawIn'>
  readonly prefix: string
  tierOf(choice: TierChoice): StoreTier | Promise<StoreTier>
  tiers(): Promise<readonly StoreTier[]>
}

type Looking = Omit<Call, 'load'>
type Judgement = Pick<Explanation, 'verdict' | 'reason' | 'why'>

/** Of what is read by its key nobody knows the version that its function has now, nor how stale it may be. */
const BY_KEY = { revalidateMs: 0, ifErrorMs: 0, keepStaleMs: 0 }

/** Looks, and touches nothing: no lease is taken, nothing is stored, and the function is not run. */
export async function explainTarget(
  target: string | NoTenantError | Call | ManyCall,
  around: ExplainSurroundings,
): Promise<Explanation> {
  if (typeof target === 'string') return explainKey(target, around)
  if (target instanceof Error) {
    const judgement = bypass('unkeyable', target.message)
    return explanation({ name: undefined, key: undefined, stored: [], lease: undefined, ...judgement })
  }
  const call = 'ids' in target ? forOneOf(target) : target
  const { policy } = call
  const { name } = policy
  const tier = await around.tierOf(policy.tier)
  let key: string
  try {
    key = identify(call).shownKey
  } catch (error) {
    const judgement = bypass('unkeyable', `it cannot be cached: ${messageOf(error)}`)
    return explanation({ name, key: undefined, stored: [], lease: undefined, ...judgement })
  }
  const { stored, lease, seen, near } = await lookAt(tier, key, around)
  const judged = near ? judge(near, tier, policy, around) : undefined
  const judgement =
    bypassOf(call, tier) ??
    (judged?.verdict === 'hit' || judged?.verdict === 'stale' ? judged : judge(seen, tier, policy, around))
  return explanation({ name, key, stored, lease, ...judgement })
}

/** @throws CacheConfigError where it is not one id */
function forOneOf({ policy, self, ids, rest }: ManyCall): Looking {
  if (Array.isArray(ids) && ids.length === 1) return { policy, self, args: [ids[0], ...rest] }
  throw new CacheConfigError(
    `each id of ${policy.name} has an entry of its own, so explain takes one at a time: write explain(users, [['ann']])`,
  )
}

/** Whatever function has stored it, in whichever tier. */
async function explainKey(key: string, around: ExplainSurroundings): Promise<Explanation> {
  const found = await Promise.all(
    (await around.tiers()).map(async (tier) => ({ tier, ...(await lookAt(tier, key, around)) })),
  )
  const first = found.find(({ stored }) => stored.length > 0) ?? (found.at(-1) as (typeof found)[number])
  const { seen, tier, lease } = first
  const rules = { ...BY_KEY, version: 'header' in seen ? seen.header.version : '' }
  const judgement = bypassOf(undefined, tier) ?? judge(seen, tier, rules, around)
  const stored = found.flatMap((one) => one.stored)
  return explanation({ name: undefined, key, stored, lease, ...judgement })
}

/** Why the cache would be left out, in the order in which a call finds it out. */
function bypassOf(call: Looking | undefined, { driver }: StoreTier): Judgement | undefined {
  if (driver.name === 'null' && !driver.away) return bypass('disabled', 'caching is off')
  if (inCommitScope()) return bypass('uncommitted', 'inside of a commitScope nothing is read or stored')
  try {
    if (!call || !isBypassed(call)) return undefined
    return bypass('option', 'its option bypass says so')
  } catch (error) {
    return bypass('option', `its option bypass threw: ${messageOf(error)}`)
  }
}

interface Sight {
  readonly stored: readonly StoredEntry[]
  readonly lease: LeaseState | undefined
  /** In the store. */
  readonly seen: Seen
  /** In this process, of what the store holds. */
  readonly near: Seen | undefined
}

async function lookAt(tier: StoreTier, shownKey: string, around: ExplainSurroundings): Promise<Sight> {
  const { driver } = tier
  const { prefix } = around
  const key = `${prefix}::${shownKey}`
  const { state, ttlMs } = await look(driver, key, around)
  const stamps = new Map<string, State>()
  if (state.kind === 'value') {
    const tags = state.header.stamps.map(([tag]) => tag)
    const found = await Promise.all(tags.map((tag) => look(driver, stampKey(prefix, tag), around)))
    tags.forEach((tag, i) => {
      stamps.set(tag, (found[i] as Looked).state)
    })
  }
  const stampFor = (tag: string) => stamps.get(tag) ?? ABSENT
  const unknown = [...stamps.values()].find(({ kind }) => kind === 'error')
  const seen = unknown ?? untaggedWhere(state, stampFor)
  const near = driver.name === 'redis' ? around.reading.now({ tier, key }) : undefined
  const stored: StoredEntry[] = []
  const copy = near && driver.readNow?.(key)
  if (copy?.kind === 'value') stored.push(entryOf('near', copy, driver, undefined, stampFor))
  if (state.kind !== 'absent' && state.kind !== 'error') {
    stored.push(entryOf(driver.name as StoredEntry['tier'], state, driver, ttlMs, stampFor))
  }
  return { stored, lease: await leaseOf(tier, shownKey, state, ttlMs, around), seen, near }
}

async function look(driver: Driver, key: string, { guard }: ExplainSurroundings): Promise<Looked> {
  if (driver.away?.(key)) return { state: AWAY, ttlMs: undefined }
  const looked = await guard('explain', 'explain', () => driver.look?.(key) ?? { state: ABSENT, ttlMs: undefined })
  return looked instanceof CacheTroubleError ? { state: { kind: 'error', error: looked }, ttlMs: undefined } : looked
}

/** Everything but the value. */
function entryOf(
  tier: StoredEntry['tier'],
  state: State,
  driver: Driver,
  ttlMs: number | undefined,
  stampFor: (tag: string) => State,
): StoredEntry {
  const kind = state.kind as StoredEntry['kind']
  if (state.kind !== 'value') return { tier, kind, goneInMs: ttlMs }
  const { header, body } = state
  const now = driver.time()
  const { compression, encoding, version, loadMs, expired } = header
  return {
    tier,
    kind,
    goneInMs: ttlMs ?? header.hardExpiresAt - now,
    ageMs: Math.max(0, now - header.createdAt),
    freshForMs: header.softExpiresAt - now,
    ...{ expired, loadMs, version, bytes: body.size, encoding, compression },
    tags: header.stamps.map((noted) => tagState(noted, stampFor)),
  }
}

function tagState([encoded, id]: EntryHeader['stamps'][number], stampFor: (tag: string) => State): TagState {
  const current = stampFor(encoded)
  const tag = shownTag(encoded)
  if (current.kind === 'error') return { tag, state: 'unknown' }
  return { tag, state: fateOf(id, current.kind === 'stamp' ? current.stamp.id : undefined) }
}

/** As it was given, where that can be told. */
function shownTag(encoded: string): string {
  try {
    const tag = decodeURIComponent(encoded)
    return encodeTag(tag) === encoded ? tag : encoded
  } catch {
    return encoded
  }
}

/** Of whoever loads it: in the value's own place, or beside a value that goes on being served. */
async function leaseOf(
  tier: StoreTier,
  shownKey: string,
  state: State,
  ttlMs: number | undefined,
  around: ExplainSurroundings,
): Promise<LeaseState | undefined> {
  const beside = state.kind === 'value'
  const seat = () => electionKey(around.prefix, shownKey, (state as { header: EntryHeader }).header.id)
  const looked = beside ? await look(tier.driver, seat(), around) : { state, ttlMs }
  if (looked.state.kind !== 'lease') return undefined
  const key = `${around.prefix}::${shownKey}`
  return {
    beside,
    sinceMs: Math.max(0, tier.driver.time() - looked.state.header.createdAt),
    standsForMs: looked.ttlMs,
    awaitedHere: tier.flights.has(key) || tier.renewing.has(key),
  }
}

function judge(
  seen: Seen,
  tier: StoreTier,
  rules: Parameters<typeof standingOf>[1] & Partial<Policy>,
  { reading }: ExplainSurroundings,
): Judgement {
  switch (seen.kind) {
    case 'value': {
      const standing = standingOf(seen.header, rules, tier.driver.time())
      if (standing === 'version' || standing === 'expired') return STANDINGS[standing]
      const flaw = reading.flawIn(tier, seen.body, rules)
      return flaw ? miss(flaw.reason, flaw.why) : STANDINGS[standing]
    }
    case 'untagged':
      return miss('tag', 'a tag of it was invalidated after it had been loaded, or the stamp of one is gone')
    case 'absent':
      return miss('absent', 'nothing is stored')
    case 'lease':
      return miss('leased', 'somebody is loading it: a call would wait for that')
    case 'pass':
      return miss('passed', 'the last result was not to be stored, so nobody waits for the next one')
    case 'error':
      return miss('unavailable', `the store does not say: ${seen.error.message}`)
    case 'counter':
      return miss('foreign', 'a counter stands there, which only get() reads')
    default:
      return miss('foreign', 'something else stands there, of another type or format')
  }
}

const STANDINGS = {
  fresh: { verdict: 'hit', reason: undefined, why: 'it is fresh' },
  stale: { verdict: 'stale', reason: undefined, why: 'it is stale: a call is served it, and renews it meanwhile' },
  spare: miss('stale', 'it is stale, and served only when the function fails or is late'),
  version: miss('version', 'it was stored under another version of the function'),
  expired: miss('expired', 'it has outlived its ttl, or was invalidated with the mode expire'),
} as const satisfies Record<ReturnType<typeof standingOf>, Judgement>

function miss(reason: MissReason, why: string): Judgement {
  return { verdict: 'miss', reason, why }
}

function bypass(reason: BypassReason, why: string): Judgement {
  return { verdict: 'bypass', reason, why }
}

const ABSENT: State = Object.freeze({ kind: 'absent' })
const AWAY: State = Object.freeze({
  kind: 'error',
  error: new CacheTroubleError('AWAY', 'it is away, and calls go to their functions'),
})
