import { onParentMessage, tellParent } from '../../support/parent.ts'
import { late, now, sleep, within } from '../../support/real-time.ts'
import type { Adapter } from '../contestants.ts'
import { PAYLOAD } from '../payload.ts'
import { wallClock } from '../wall-clock.ts'
import { CALL_LIMIT_MS, LOAD_MS, OUTAGE_MS, RECOVERY_LIMIT_MS } from './settings.ts'

/** What the parent tells, with when it happened. */
export type News = { readonly event: 'struck' | 'healed'; readonly at: number }

export interface OneCall {
  readonly key: string
  readonly repeated: boolean
  /** In milliseconds since the epoch. */
  readonly beganAt: number
  readonly endedAt: number
  /** Over the function's own time. */
  readonly costMs: number
  /** Late: not back within the limit. */
  readonly outcome: 'hit' | 'loaded' | 'failed' | 'late'
}

/** Told once, when the time with the outage is over, or a call did not come back. */
export interface OutageReport {
  readonly type: 'outage'
  /** Those that the outage may have met, in order. */
  readonly calls: readonly OneCall[]
  /** Those before it. */
  readonly before: readonly OneCall[]
  /** When cachewell's breaker opened for the first time. */
  readonly openedAt: number | undefined
}

export interface RecoveryReport {
  readonly type: 'recovery'
  /** From the end of the outage to the end of the first call that was a hit as quick as one should be. */
  readonly afterMs: number | undefined
  /** All that were made after the outage. */
  readonly calls: readonly OneCall[]
}

interface Observed {
  readonly default: Adapter
  readonly onOpened?: (listener: () => void) => void
}

const TTL_MS = 600_000
const REPEATED = ['repeated-0', 'repeated-1', 'repeated-2', 'repeated-3']
/** A call that is out for so long costs the machine nothing: others may use it meanwhile. */
const WAITING_MS = 500
/** Between two calls, as between two requests: what goes on behind the callers' backs gets its turn. */
const PAUSE_MS = 1
/** Far above a hit on loopback, below one from a slow Redis. */
const QUICK_MS = 50
/** So many of the calls that found out about the outage are made again: what they left behind must not hold them up. */
const CALLED_AGAIN = 20
/** Others that call at the same time, until the outage. */
const CROWD = Number(process.env.OUTAGE_CROWD)

/** How long the function has run for a key, for the call that is under way. */
const loadedMs = new Map<string, number>()
const heardAt: Record<News['event'], number> = { struck: Number.POSITIVE_INFINITY, healed: Number.POSITIVE_INFINITY }

async function load(key: string) {
  const began = now()
  await sleep(LOAD_MS)
  const value = { key, by: process.pid, payload: PAYLOAD }
  loadedMs.set(key, (loadedMs.get(key) ?? 0) + now() - began)
  return value
}

/** Measured around the call itself, and nothing of ours. */
async function attempt(key: string): Promise<Pick<OneCall, 'outcome' | 'costMs'>> {
  loadedMs.delete(key)
  const began = now()
  const value = await get(key).catch(() => undefined)
  const costMs = Math.max(0, now() - began - (loadedMs.get(key) ?? 0))
  const { key: answered, payload } = (value ?? {}) as Partial<Awaited<ReturnType<typeof load>>>
  if (answered !== key || payload?.length !== PAYLOAD.length) return { outcome: 'failed', costMs }
  return { outcome: loadedMs.has(key) ? 'loaded' : 'hit', costMs }
}

async function call(key: string, repeated: boolean): Promise<OneCall> {
  const waiting = setTimeout(() => tellParent({ type: 'waiting' }), WAITING_MS)
  const beganAt = wallClock()
  const seen = await within(attempt(key), CALL_LIMIT_MS)
  clearTimeout(waiting)
  const outcome = seen === late ? ({ outcome: 'late', costMs: CALL_LIMIT_MS } as const) : seen
  return { key, repeated, beganAt, endedAt: wallClock(), ...outcome }
}

/** Distinct and repeated keys in turns, until a call is late or `isOver`. */
async function callUntil(isOver: () => boolean): Promise<OneCall[]> {
  const calls: OneCall[] = []
  while (!isOver() && calls.at(-1)?.outcome !== 'late') {
    const i = calls.length
    const repeated = i % 2 === 1
    calls.push(await call(repeated ? (REPEATED[(i >> 1) % REPEATED.length] as string) : `distinct-${i}`, repeated))
    await sleep(PAUSE_MS)
  }
  return calls
}

/** The keys whose calls the outage has met under way. */
function crowd(size: number): ReadonlySet<string> {
  const underWay = new Set<string>()
  let keys = 0
  const isWell = () => heardAt.struck === Number.POSITIVE_INFINITY
  const caller = async () => {
    while (isWell()) {
      const key = `crowd-${keys++}`
      underWay.add(key)
      await get(key).catch(() => {})
      if (isWell()) underWay.delete(key)
    }
  }
  for (let i = 0; i < size; i++) void caller()
  return underWay
}

async function recover(again: readonly string[]): Promise<RecoveryReport> {
  const calls: OneCall[] = []
  const isBack = ({ outcome, beganAt, costMs }: OneCall) =>
    outcome === 'hit' && beganAt >= heardAt.healed && costMs <= QUICK_MS
  let back: OneCall | undefined
  while (!back && wallClock() < heardAt.healed + RECOVERY_LIMIT_MS && calls.at(-1)?.outcome !== 'late') {
    const one = await call(REPEATED[0] as string, true)
    calls.push(one)
    if (isBack(one)) back = one
    await sleep(PAUSE_MS)
  }
  for (const key of back ? again : []) {
    if (calls.at(-1)?.outcome !== 'late') calls.push(await call(key, false))
  }
  return { type: 'recovery', afterMs: back && back.endedAt - heardAt.healed, calls }
}

const { default: adapter, onOpened }: Observed = await import(process.env.OUTAGE_ADAPTER as string)
const get = await adapter(process.env.OUTAGE_REDIS_URL as string, load, TTL_MS)
let openedAt: number | undefined

// What a library throws outside of any call ends a service. Here it is told, and the calls go on.
process.on('uncaughtException', (error) => tellParent({ type: 'uncaught', message: String(error) }))
onParentMessage((message) => {
  const { event, at } = message as News
  heardAt[event] = at
})

for (const key of REPEATED) await get(key)
onOpened?.(() => {
  openedAt ??= wallClock()
})
tellParent({ type: 'ready' })

const others = crowd(CROWD)
const calls = await callUntil(() => wallClock() > heardAt.struck + OUTAGE_MS)
const met = calls.filter(({ endedAt }) => endedAt >= heardAt.struck)
tellParent({ type: 'outage', calls: met, before: calls.filter((one) => !met.includes(one)), openedAt })
if (met.at(-1)?.outcome !== 'late') {
  while (heardAt.healed === Number.POSITIVE_INFINITY) await sleep(PAUSE_MS)
  tellParent(await recover([...others, ...met.slice(0, CALLED_AGAIN).map(({ key }) => key)]))
}
