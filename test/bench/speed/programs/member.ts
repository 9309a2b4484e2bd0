import { onParentMessage, tellParent } from '../../../support/parent.ts'
import { now } from '../../../support/real-time.ts'
import { isMissingOption, openContestant } from '../open.ts'
import { runOn } from '../processors.ts'
import { FIRST_ID, type Get, type MemberSettings } from '../settings.ts'
import { type MadeValue, makeValue } from '../values.ts'

/** What the parent asks for: hits, by so many callers at once, for so long. */
export interface Turn {
  readonly turn: number
  readonly callers: number
  readonly forMs: number
}

export interface TurnReport {
  readonly type: 'turn'
  readonly turn: number
  readonly calls: number
  readonly ms: number
  /** What the process took of the processors meanwhile. */
  readonly cpuMs: number
  /** Calls that were no hits. */
  readonly loads: number
}

export interface Ready {
  readonly type: 'ready'
  /** Why there is nothing to measure: an option that this contestant needs is not there. */
  readonly absent?: string
}

/** Looking at the clock costs as much as a hit in memory. */
const CALLS_AT_A_TIME = 50
/** What is filled by reads is filled by the second. Where there are many keys, time matters more. */
const WARM_UP_PASSES = 3
const MANY_KEYS = 10_000
/**
 * Until all is compiled as it will be, with one caller and with many, by CPU time: a machine that is busy with other
 * things gives little of it. The baseline takes more turns than others and must not be the only one that is warm.
 */
const WARM_UP_CPU_MS = 300
const WARM_UP_LIMIT_MS = 5_000
const WARM_UP_CALLERS = [64, 1]
const MAX_LOADS_AT_ONCE = 100
/** A prime: calls in steps of it come round through all keys, in an order that no processor foresees. */
const STRIDE = 514_229

const { SPEED_PROCESSOR } = process.env
if (SPEED_PROCESSOR) runOn(process.pid, Number(SPEED_PROCESSOR))
let loads = 0
let next = FIRST_ID

const { get, settings } = await open()
const { keys, value, isFilled } = settings
const end = FIRST_ID + keys
const step = STRIDE % keys

async function open(): Promise<{ get: Get; settings: MemberSettings }> {
  try {
    return await openContestant(async (id) => {
      loads++
      return makeValue(settings.value, id)
    })
  } catch (error) {
    if (!isMissingOption(error)) throw error
    tellParent({ type: 'ready', absent: error.message } satisfies Ready)
    process.exit()
  }
}

/** Callers at the same time ask for different keys, as long as there are so many. */
async function call(until: number, atATime: number): Promise<number> {
  let calls = 0
  do {
    for (let i = 0; i < atATime; i++) {
      next += step
      if (next >= end) next -= keys
      await get(next)
    }
    calls += atATime
  } while (now() < until)
  return calls
}

async function measure(callers: number, forMs: number): Promise<Omit<TurnReport, 'type' | 'turn'>> {
  loads = 0
  const cpuBefore = process.cpuUsage()
  const began = now()
  const atATime = callers === 1 ? CALLS_AT_A_TIME : 1
  const calls = await Promise.all(Array.from({ length: callers }, () => call(began + forMs, atATime)))
  const ms = now() - began
  const { user, system } = process.cpuUsage(cpuBefore)
  return { calls: calls.reduce((sum, one) => sum + one, 0), ms, cpuMs: (user + system) / 1_000, loads }
}

async function fill(): Promise<void> {
  for (let id = FIRST_ID; id < end; id += MAX_LOADS_AT_ONCE) {
    const batch = Array.from({ length: Math.min(MAX_LOADS_AT_ONCE, end - id) }, (_, i) => get(id + i))
    await Promise.all(batch)
  }
}

async function warmUp(callers: number): Promise<void> {
  const until = now() + WARM_UP_LIMIT_MS
  for (let spent = 0; spent < WARM_UP_CPU_MS && now() < until; ) spent += (await measure(callers, 50)).cpuMs
}

async function requireValue(): Promise<void> {
  const found = (await get(next)) as MadeValue | undefined
  if (found?.id !== makeValue(value, next).id) throw new Error(`a wrong value for ${next}: ${JSON.stringify(found)}`)
}

const passes = keys > MANY_KEYS ? 1 : WARM_UP_PASSES
for (let pass = 0; pass < passes && !isFilled; pass++) await fill()
for (const callers of WARM_UP_CALLERS) await warmUp(callers)
await requireValue()
onParentMessage(async (message) => {
  const { turn, callers, forMs } = message as Turn
  const measured = await measure(callers, forMs)
  await requireValue()
  tellParent({ type: 'turn', turn, ...measured } satisfies TurnReport)
})
tellParent({ type: 'ready' } satisfies Ready)
