import { sleep } from '../support/real-time.ts'
import { check, type Violation } from './check.ts'
import { clusterStage, nearClusterStage } from './cluster-stage.ts'
import { Fleet, type FleetOptions } from './fleet.ts'
import { type Entry, type History, isOperation } from './history.ts'
import { nearStage } from './near-stage.ts'
import { proxyStage } from './proxy-stage.ts'
import { Random } from './random.ts'
import { singleStage } from './single-stage.ts'
import type { Stage, Troubles } from './stage.ts'
import { type Staleness, stalenessOf } from './staleness.ts'

const STAGES = {
  single: singleStage,
  cluster: clusterStage,
  proxy: proxyStage,
  near: nearStage,
  'near-cluster': nearClusterStage,
}
/** As the processes have counted them. */
const COUNTED = ['hits', 'nearHits', 'overtaken', 'unheard']

export type Scenario = keyof typeof STAGES

export const scenarios = Object.keys(STAGES) as Scenario[]

export interface HistoryOptions extends FleetOptions {
  /** At least so many. */
  readonly operations: number
  /** Default `single`. */
  readonly scenario?: Scenario
  /** Whether things go wrong, each of them once at least. Default true. */
  readonly trouble?: boolean
  /** Of the things that may go wrong, only these. */
  readonly only?: readonly string[]
}

export interface Outcome {
  readonly history: History
  readonly violations: readonly Violation[]
  readonly operations: number
  readonly counts: Readonly<Record<string, number>>
  /** Where there are near copies. */
  readonly staleness?: Staleness
}

/** Lets a fleet work, and checks what it has recorded. */
export async function runHistory(options: HistoryOptions): Promise<Outcome> {
  const { scenario = 'single', operations, processes, seed, trouble = true, only } = options
  const random = new Random(seed)
  await using stage = await STAGES[scenario](processes, trouble)
  await using fleet = new Fleet(stage, options, random)
  await fleet.start()
  let enough = false
  const working = fleet.untilEnough(operations).then(() => {
    enough = true
  })
  const chosen = stage.troubles(fleet, random).filter(([name]) => only?.includes(name) ?? true)
  const troubled = trouble ? makeTrouble(chosen, () => enough, random, stage.restMs) : []
  const [troubles] = await Promise.all([troubled, working])
  const history = await fleet.stop()
  const entries = history.flatMap((member) => member.entries)
  return {
    history,
    violations: check(history),
    operations: entries.filter(isOperation).length,
    counts: {
      processes: history.length,
      ...countOf(troubles),
      ...countOf(entries.filter(({ kind }) => kind !== 'done').map(nameOf)),
      ...Object.fromEntries(COUNTED.map((name) => [name, fleet.sumOf(name)])),
    },
    staleness: stalenessOf(history),
  }
}

/** One thing after the other goes wrong for as long as there is work. Resolves with the names of all. */
async function makeTrouble(
  troubles: Troubles,
  isEnough: () => boolean,
  random: Random,
  restMs: Stage['restMs'],
): Promise<string[]> {
  const names: string[] = []
  for (let i = 0; !isEnough() || i < troubles.length; i++) {
    const [name, trouble] = troubles[i % troubles.length] as Troubles[number]
    await sleep(random.between(...restMs))
    await trouble()
    names.push(name)
  }
  return names
}

function nameOf(entry: Entry): string {
  return entry.kind === 'incident' ? entry.what : `${entry.kind}s`
}

function countOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
