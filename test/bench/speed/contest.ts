import { MemberProcess, type Program } from './member-process.ts'
import type { MemberSettings } from './settings.ts'

export interface Entrant {
  readonly name: string
  readonly settings: MemberSettings
  /** Of each launch. Default: all. */
  readonly rounds?: number
  /** Default: all. */
  readonly launches?: number
  /** With so many callers only. Default: with each number. */
  readonly callers?: readonly number[]
}

export interface Pace {
  /** Times that all processes are started anew. */
  readonly launches: number
  /** Of each launch. */
  readonly rounds: number
  readonly turnMs: number
}

/** What one entrant did against the baseline, with so many callers. A figure for each round. */
export interface Score {
  readonly name: string
  readonly callers: number
  /** Its rate over the baseline's right before it. */
  readonly ratios: number[]
  /** The same by the CPU time of the two processes: who else uses the machine matters little to it. */
  readonly cpuRatios: number[]
  /** Hits per second. */
  readonly rates: number[]
  readonly baselineRates: number[]
  /** Why it did not take part. */
  absent: string | undefined
}

/**
 * Each entrant takes turns with the baseline, ABAB, so that whatever else the machine does meets both: what counts is
 * the ratio of neighbours. Every process is started anew for each launch: no two are compiled alike.
 */
export async function contest(
  program: Program,
  baseline: Entrant,
  entrants: readonly Entrant[],
  callers: readonly number[],
  pace: Pace,
): Promise<Score[]> {
  const scores = entrants.flatMap((entrant) =>
    callers
      .filter((count) => entrant.callers?.includes(count) ?? true)
      .map((count) => ({ entrant, score: emptyScore(entrant.name, count) })),
  )
  for (let launch = 0; launch < pace.launches; launch++) {
    const playing = entrants.filter(({ launches = pace.launches }) => launch < launches)
    const members = await startAll(program, [baseline, ...playing])
    try {
      const first = members.get(baseline) as MemberProcess
      for (let round = 0; round < pace.rounds; round++) {
        for (const { entrant, score } of scores) {
          const member = members.get(entrant)
          if (member === undefined || round >= (entrant.rounds ?? pace.rounds)) continue
          score.absent = member.absent
          if (member.absent === undefined) await playRound(first, member, score, pace.turnMs)
        }
      }
    } finally {
      await endAll(members)
    }
  }
  return scores.map(({ score }) => score)
}

async function playRound(baseline: MemberProcess, member: MemberProcess, score: Score, turnMs: number): Promise<void> {
  const theirs = await baseline.take(score.callers, turnMs)
  const ours = await member.take(score.callers, turnMs)
  score.ratios.push(ours.perSecond / theirs.perSecond)
  score.cpuRatios.push(ours.perCpuSecond / theirs.perCpuSecond)
  score.rates.push(ours.perSecond)
  score.baselineRates.push(theirs.perSecond)
}

/** One after the other: starting many at once would take what the first ones need to get warm. */
async function startAll(program: Program, entrants: readonly Entrant[]): Promise<Map<Entrant, MemberProcess>> {
  const members = new Map<Entrant, MemberProcess>()
  try {
    for (const entrant of entrants) members.set(entrant, await MemberProcess.start(program, entrant.settings))
  } catch (error) {
    await endAll(members)
    throw error
  }
  return members
}

async function endAll(members: ReadonlyMap<Entrant, MemberProcess>): Promise<void> {
  await Promise.all([...members.values()].map((member) => member[Symbol.asyncDispose]()))
}

const emptyScore = (name: string, callers: number): Score => ({
  ...{ name, callers, ratios: [], cpuRatios: [], rates: [], baselineRates: [] },
  absent: undefined,
})
