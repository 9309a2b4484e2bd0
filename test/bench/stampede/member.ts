import { onParentMessage, tellParent } from '../../support/parent.ts'
import { now, sleep } from '../../support/real-time.ts'
import type { Adapter } from '../contestants.ts'
import { PAYLOAD } from '../payload.ts'
import { wallClock } from '../wall-clock.ts'

/** What the parent asks of this process: so many callers of one key, at a time of the wall clock. */
export interface Round {
  readonly key: string
  readonly callers: number
  readonly loadMs: number
  /** In milliseconds since the epoch. */
  readonly startAt: number
}

export interface RoundReport {
  readonly type: 'done'
  readonly key: string
  readonly loads: number
  /** From its own call to its own value. */
  readonly slowestMs: number
  /** Callers that got an error, or something else than the value of this key. */
  readonly failed: number
  readonly startedAt: number
}

const TTL_MS = 600_000

let loadMs = 0
let loads = 0

async function load(key: string) {
  loads++
  await sleep(loadMs)
  return { key, by: process.pid, payload: PAYLOAD }
}

async function call(key: string): Promise<{ ms: number; ok: boolean }> {
  const began = now()
  try {
    const value = (await get(key)) as Awaited<ReturnType<typeof load>> | undefined
    return { ms: now() - began, ok: value?.key === key && value.payload.length === PAYLOAD.length }
  } catch {
    return { ms: now() - began, ok: false }
  }
}

async function stampede({ key, callers, startAt }: Round): Promise<RoundReport> {
  loads = 0
  await sleep(startAt - wallClock())
  const startedAt = wallClock()
  const calls = await Promise.all(Array.from({ length: callers }, () => call(key)))
  const slowestMs = Math.max(...calls.map(({ ms }) => ms))
  return { type: 'done', key, loads, slowestMs, failed: calls.filter(({ ok }) => !ok).length, startedAt }
}

const { default: adapter }: { default: Adapter } = await import(process.env.STAMPEDE_ADAPTER as string)
const get = await adapter(process.env.STAMPEDE_REDIS_URL as string, load, TTL_MS)

onParentMessage(async (message) => {
  const round = message as Round
  loadMs = round.loadMs
  tellParent(await stampede(round))
})

await get(`warm-up-${process.pid}`)
tellParent({ type: 'ready' })
