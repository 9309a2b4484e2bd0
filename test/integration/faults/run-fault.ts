import { setImmediate } from 'node:timers/promises'
import { inspect } from 'node:util'
import { expect } from 'vitest'
import { now } from '../../support/real-time.ts'
import { until } from '../../support/until.ts'
import { median } from '../open-cache.ts'
import type { Fault, Ground } from './fault.ts'
import { Play, PRIVATE } from './play.ts'
import type { Row } from './row.ts'

/** This machine may have other things to do: what is promised for a quiet one is not held against it to the millisecond. */
const SLACK_MS = 700
const RECOVERY_MS = 2_000
/** Most of many calls: without waiting for Redis, or for a quick reply of it. */
const AT_ONCE_MS = 50
const REPEATED = 20
/** Kinds of lines, in one outage. */
const MAX_LINES = 10

interface Seen {
  readonly cached: string
  readonly fresh: string
  readonly invalidated: string
  readonly set: string
}

/** Breaks a healthy Redis, calls, heals it, and calls again; what of that a reader of the table wants to know. */
export async function runFault<G extends Ground>(fault: Fault<G>): Promise<Row> {
  const rejections: unknown[] = []
  const onRejection = (error: unknown) => void rejections.push(error)
  process.on('unhandledRejection', onRejection)
  try {
    await using ground = await fault.open()
    await using play = new Play({ ...ground.where, ...fault.options }, fault.payloadBytes)
    const row = await runOn(fault, ground, play).catch((error: Error) => error)
    expect(play.wrong).toEqual([])
    if (row instanceof Error) throw row
    expect(rejections).toEqual([])
    return row
  } finally {
    process.off('unhandledRejection', onRejection)
  }
}

async function runOn<G extends Ground>(fault: Fault<G>, ground: G, play: Play): Promise<Row> {
  const names = namesOn(ground)
  await health(
    play,
    Object.values(names).filter((name) => name !== names.fresh),
  )

  const lost = play.whenLost()
  const atLoss = fault.loss === 'none' || fault.lasting ? undefined : lost.then(() => see(play, names))
  await fault.apply(ground, play)
  if (fault.loss === 'found out') await untilFoundOut(play, names.cached)
  if (fault.loss !== 'none') await lost
  if (fault.lasting) await untilPutDownTo(fault.lasting, play, names.cached)
  const seen = await (atLoss ?? see(play, names))
  await repeat(play, names, fault)

  await fault.heal(ground, play)
  const healedAt = now()
  await play.untilServed([names.cached, ...play.invalidated], 15_000)
  const recoveryMs = now() - healedAt
  expect(recoveryMs).toBeLessThan((fault.recoveryMs ?? RECOVERY_MS) + SLACK_MS)
  await expectWell(play, names.cached)
  expectLittleSaid(play)
  const slowestMs = play.costs.reduce((most, ms) => Math.max(most, ms), 0)
  expect(slowestMs).toBeLessThan(fault.costMs + SLACK_MS)
  return { fault: fault.name, ...seen, logged: play.lines.filter(isNoChance).map(withoutChance), slowestMs, recoveryMs }
}

interface Names {
  readonly cached: string
  readonly doomed: string
  readonly given: string
  readonly fresh: string
  readonly elsewhere?: string
}

function namesOn(ground: Ground): Names {
  const nameOf = (word: string) => ground.nameOf?.(word) ?? word
  const names = { cached: nameOf('cached'), doomed: nameOf('doomed'), given: nameOf('given'), fresh: nameOf('fresh') }
  return ground.elsewhere === undefined ? names : { ...names, elsewhere: ground.elsewhere }
}

/** Entries are stored and served, and nothing else goes on. */
async function health(play: Play, names: readonly string[]): Promise<void> {
  await until(async () => (await play.reason('cached')) === '' && play.ready)
  await play.untilServed(names)
  expect(play.of('trouble')).toEqual([])
  play.lines.splice(0)
  play.costs.splice(0)
}

/** By reads and by writes. */
async function untilFoundOut(play: Play, cached: string): Promise<void> {
  let calls = 0
  const found = async () => {
    await play.call(cached)
    if (play.ready) await play.call(`${cached}+${++calls}`)
    return !play.ready
  }
  await until(found, { label: 'the loss of the connection', timeoutMs: 15_000 })
}

async function untilPutDownTo(reason: RegExp, play: Play, name: string): Promise<void> {
  await until(async () => reason.test(await play.reason(name)), { label: `${reason}`, timeoutMs: 15_000 })
}

/** What is asked for here is asked for in one turn of the loop, so that the state of things is the same for all. */
async function see(play: Play, names: Names): Promise<Seen> {
  const [served, , { deferred }, stored] = await Promise.all([
    play.isServed(names.cached),
    play.call(names.fresh),
    play.invalidate(names.doomed),
    play.set(names.given),
  ])
  const [restored, kept] = [await play.isServed(names.cached), await play.isServed(names.fresh)]
  await play.call(names.doomed)
  await play.fail()
  return {
    cached: served ? 'served' : restored ? 'runs the function once' : 'runs the function',
    fresh: kept ? 'stored' : 'runs the function',
    invalidated: deferred ? 'deferred' : 'done',
    set: stored ? 'true' : 'false',
  }
}

/** Many calls cost no more each, and say no more. */
async function repeat<G extends Ground>(play: Play, { cached, elsewhere }: Names, fault: Fault<G>): Promise<void> {
  const before = play.costs.length
  const end = now() + (fault.forMs ?? 0)
  for (let i = 0; i < REPEATED || now() < end; i++) {
    await play.call(cached)
    // Calls without Redis are over within one turn of the loop, which nothing else would get.
    await setImmediate()
  }
  const each = median(play.costs.slice(before))
  expect(each).toBeLessThan(AT_ONCE_MS + (fault.loss === 'none' ? fault.costMs : 0))
  if (fault.lasting) {
    const runs = play.runs(cached)
    await play.callTogether(Array.from({ length: 20 }, () => cached))
    expect(play.runs(cached)).toBe(runs + 1)
  }
  if (elsewhere) expect(await play.isServed(elsewhere)).toBe(true)
}

async function expectWell(play: Play, name: string): Promise<void> {
  expect(await play.invalidate(name)).toMatchObject({ deferred: false })
  expect(await play.set(name)).toBe(true)
  expect(await play.isServed(name)).toBe(true)
  expect(play.ready).toBe(true)
}

/** One line for each kind of trouble, all of it counted, and nothing private. */
function expectLittleSaid(play: Play): void {
  const kinds = play.lines.map((line) => line.replace(/\d+/g, '0'))
  expect(kinds).toEqual([...new Set(kinds)])
  expect(play.lines.length).toBeLessThanOrEqual(MAX_LINES)
  const troubles = play.of('trouble')
  expect(play.troubles).toBe(troubles.length)
  const isSaid = ({ operation }: { operation: string }) =>
    play.lines.some((line) => line.includes(`: ${operation} failed`))
  // Looking around is done without a caller, and is left out of what is put down.
  expect(troubles.filter((trouble) => trouble.operation !== 'get' && !isSaid(trouble))).toEqual([])
  const said = inspect([play.lines, troubles, play.of('notice'), play.of('connection')], { depth: 9, showHidden: true })
  for (const secret of Object.values(PRIVATE)) expect(said).not.toContain(secret)
}

/** Whether an entry is asked for between the reconnection and its removal is a matter of chance. */
function isNoChance(line: string): boolean {
  return !line.endsWith('what stands there is still to be removed')
}

/** Ports and the names of scripts are others in every run, and so is what reading has left of the time for a lease. */
function withoutChance(line: string): string {
  return line
    .replace(/^(.* acquire took longer than) [\d.]+ ms$/, '$1 250 ms')
    .replaceAll(/\b127\.0\.0\.1:\d+/g, '127.0.0.1:6379')
    .replaceAll(/\b[\da-f]{40}\b/g, '…')
}
