import type { EntryHeader } from './entry.ts'
import type { BypassReason, MissReason, Tier } from './events.ts'

/** What is known of a key, and what a call would come to now. Values are not in it. */
export interface Explanation {
  /** Of the function; `undefined` where a key was asked for. */
  readonly name: string | undefined
  /** Below the prefix; `undefined` where no key can be made of the arguments, or for want of a tenant. It may hold personal data. */
  readonly key: string | undefined
  /** `stale`: a hit, which is renewed in the background. `bypass`: the cache would be left out. */
  readonly verdict: 'hit' | 'stale' | 'miss' | 'bypass'
  /** Of a miss or a bypass, as events name it. */
  readonly reason: MissReason | BypassReason | undefined
  /** The same, as a sentence. */
  readonly why: string
  /** What stands there, the nearest first: `near` is a copy in this process of what `redis` holds. */
  readonly stored: readonly StoredEntry[]
  /** `undefined`: nobody is loading it. */
  readonly lease: LeaseState | undefined
  /** All of it, for people to read. */
  toString(): string
}

export interface StoredEntry {
  readonly tier: Tier
  /** `lease`: somebody is loading it. `pass`: the last result was not to be stored. `foreign`: it is not ours. */
  readonly kind: 'value' | 'lease' | 'pass' | 'counter' | 'stamp' | 'foreign'
  /** How long it will be there, in ms; `undefined`: it does not go by itself. */
  readonly goneInMs: number | undefined
  /** Of a value, as all that follows: since it was stored, in ms. */
  readonly ageMs?: number
  /** Until its ttl has passed, in ms; below zero: since then. */
  readonly freshForMs?: number
  /** It was invalidated with the mode `expire`, and is kept for `staleIfError`. */
  readonly expired?: boolean
  /** How long its load took, in ms. */
  readonly loadMs?: number
  readonly version?: string
  /** Of an entry in Redis all that is stored, compressed if it is; in memory an estimate. */
  readonly bytes?: number
  readonly encoding?: EntryHeader['encoding']
  readonly compression?: EntryHeader['compression']
  readonly tags?: readonly TagState[]
}

export interface TagState {
  readonly tag: string
  /** `removed`: it was invalidated after the load, or its stamp is gone. `unknown`: the store does not say. */
  readonly state: 'stands' | 'expired' | 'removed' | 'unknown'
}

export interface LeaseState {
  /** It is a value's renewal: the value is there meanwhile. */
  readonly beside: boolean
  /** Since it was taken, in ms: so long the load has taken. */
  readonly sinceMs: number
  /** For how long it stands, in ms, if it is not prolonged: whoever loads does so every 2 s. */
  readonly standsForMs: number | undefined
  /** A call in this process loads it, or waits for who does. */
  readonly awaitedHere: boolean
}

/** The data, and the words for it. */
export function explanation(data: Omit<Explanation, 'toString'>): Explanation {
  // Not to be seen among the data, nor in JSON.
  return Object.defineProperty({ ...data }, 'toString', { value: () => linesOf(data).join('\n') })
}

function linesOf({ name, key, verdict, reason, why, stored, lease }: Omit<Explanation, 'toString'>): string[] {
  const what = key ?? (name === undefined ? 'a key' : `a call of ${name}`)
  return [
    `${what}: ${verdict}${reason ? ` (${reason})` : ''}, since ${why}`,
    ...stored.flatMap(linesOfEntry),
    lease ? `  ${lineOfLease(lease)}` : '  nobody is loading it',
  ]
}

function linesOfEntry(entry: StoredEntry): string[] {
  const { tier, kind, goneInMs, tags = [] } = entry
  const gone = goneInMs === undefined ? 'kept for ever' : `kept for ${duration(goneInMs)}`
  if (kind !== 'value') return [`  ${tier}: ${kind}, ${gone}`]
  const { ageMs = 0, freshForMs = 0, expired, loadMs = 0, bytes, encoding, compression, version } = entry
  const fresh = freshForMs > 0 ? `fresh for ${duration(freshForMs)}` : `stale since ${duration(-freshForMs)}`
  const format = compression ? `${encoding}, ${compression}` : encoding
  const words = [
    `value of ${bytes} bytes (${format})`,
    `${duration(ageMs)} old`,
    expired ? 'invalidated' : fresh,
    gone,
    `loaded in ${duration(loadMs)}`,
    ...(version ? [`version ${version}`] : []),
  ]
  return [`  ${tier}: ${words.join(', ')}`, ...tags.map(({ tag, state }) => `    tag ${tag}: ${state}`)]
}

function lineOfLease({ beside, sinceMs, standsForMs, awaitedHere }: LeaseState): string {
  const stands = standsForMs === undefined ? '' : `, its lease stands for ${duration(standsForMs)} more`
  const where = awaitedHere ? ', and a call in this process loads it or waits for it' : ''
  return `being ${beside ? 'renewed' : 'loaded'} since ${duration(sinceMs)}${stands}${where}`
}

function duration(ms: number): string {
  return ms < 1_000
    ? `${Math.round(ms)} ms`
    : ms < 120_000
      ? `${(ms / 1_000).toFixed(1)} s`
      : `${Math.round(ms / 60_000)} min`
}
