import { median } from '../../table.ts'
import type { Entrant } from '../contest.ts'
import { MemberProcess } from '../member-process.ts'
import type { Curve } from '../plot.ts'
import { figure, perSecond, plainRow, quartiles } from '../row.ts'
import type { Section, Stage } from '../stage.ts'

const COUNTS = [1, 2, 3, 4]
const CALLERS = 64
/** Of each launch. */
const ROUNDS = 3
const TURN_MS = 250
/** Four processes of each take their time to start. */
const MAX_LAUNCHES = 2

/** Hits per second of so many of the processes together. */
async function together(members: readonly MemberProcess[], count: number): Promise<number> {
  const rates = await Promise.all(members.slice(0, count).map((member) => member.take(CALLERS, TURN_MS)))
  return rates.reduce((sum, { perSecond }) => sum + perSecond, 0)
}

async function startAll(stage: Stage, entrant: Entrant, into: MemberProcess[]): Promise<MemberProcess[]> {
  const members: MemberProcess[] = []
  for (const _ of COUNTS) {
    const member = await MemberProcess.start(stage.program('member'), entrant.settings)
    members.push(member)
    into.push(member)
  }
  return members
}

export const processes: Section = {
  name: 'processes',
  title: 'Throughput by the number of processes',
  about: `Hits in Redis of ${CALLERS} callers in each process, all processes together; they share the machine with the
server. Ratios are to the same by hand. Rounds of each
launch: ${ROUNDS}, launches at most ${MAX_LAUNCHES}.`,
  async measure(stage) {
    const results = COUNTS.map((count) => ({ count, theirs: [] as number[], ours: [] as number[] }))
    for (let launch = 0; launch < Math.min(stage.launches, MAX_LAUNCHES); launch++) {
      const all: MemberProcess[] = []
      try {
        const theirs = await startAll(stage, stage.handWritten(), all)
        const ours = await startAll(stage, stage.cachewell('cachewell', { keyIs: 'string' }), all)
        for (let round = 0; round < ROUNDS; round++) {
          for (const result of results) {
            result.theirs.push(await together(theirs, result.count))
            result.ours.push(await together(ours, result.count))
          }
        }
      } finally {
        await Promise.all(all.map((member) => member[Symbol.asyncDispose]()))
      }
    }
    const rows = results.map(({ count, theirs, ours }) => {
      const ratios = ours.map((rate, i) => rate / (theirs[i] as number))
      return {
        ...plainRow(`cachewell, ${count} process${count === 1 ? '' : 'es'}`, `${figure(median(ratios))} x`),
        quartiles: quartiles(ratios),
        absolute: perSecond(median(ours)),
      }
    })
    const curves: Curve[] = [
      { name: 'cachewell', points: results.map(({ count, ours }) => [count, median(ours)]) },
      { name: 'hand-written', points: results.map(({ count, theirs }) => [count, median(theirs)]) },
    ]
    const axes = {
      x: { label: 'processes', scale: 'linear' },
      y: { label: 'hits per second', scale: 'linear' },
    } as const
    const title = 'Hits in Redis by the number of processes'
    return { rows, plots: [{ file: 'processes-redis.svg', title, axes, curves }] }
  },
}
