import { runChild } from '../../../support/child.ts'
import { heard } from '../../heard.ts'
import { type Traffic, TrafficCounter } from '../../traffic.ts'
import type { Entrant } from '../contest.ts'
import type { MissReport } from '../programs/miss.ts'
import { atMost, figure, plainRow, type Row, type Target, verdictOn } from '../row.ts'
import { databaseOf } from '../settings.ts'
import type { Section, Stage } from '../stage.ts'

const LIMIT_MS = 30_000
const TARGET = atMost(2, 'round trips')

interface Counted {
  readonly misses: number
  /** Answers that callers waited for, of all misses together. */
  readonly waitedFor: number
  readonly traffic: Traffic
}

/** In a process of its own. */
export async function countMisses(stage: Stage, counter: TrafficCounter, { settings }: Entrant): Promise<Counted> {
  const { file, env } = stage.program('miss')
  const child = runChild(file, { env: { ...env, SPEED_SETTINGS: JSON.stringify(settings) }, timeoutMs: LIMIT_MS })
  try {
    await heard(child, 'ready', LIMIT_MS)
    const reports: MissReport[] = []
    const traffic = await counter.during(databaseOf(settings), async () => {
      child.send({})
      reports.push(await heard<MissReport>(child, 'misses', LIMIT_MS))
    })
    const { misses, waitedFor } = reports[0] as MissReport
    return { misses, waitedFor, traffic }
  } finally {
    child.kill()
    await child.done
  }
}

function rowOf(what: string, { misses, waitedFor, traffic }: Counted, target?: Target): Row {
  const each = waitedFor / misses
  const names = Object.entries(traffic.byName).map(([command, times]) => `${figure(times / misses)} ${command}`)
  return {
    ...{ ...plainRow(what, `${figure(each)} round trips`), target: target?.text ?? '' },
    absolute: `of ${figure(traffic.commands / misses)} commands: ${names.join(', ')}`,
    // A lone answer that was not asked for by a call, such as that to a PING, makes no round trip of each miss.
    verdict: verdictOn(Math.round(each), target),
  }
}

export const miss: Section = {
  name: 'miss',
  title: 'Round trips of a miss',
  about: `Counted, not timed, over 100 misses one after the other: the answers of Redis that come in between a call and
its value, and, by MONITOR, the commands sent, also those that no caller waits for.`,
  async measure(stage) {
    using counter = await TrafficCounter.start(stage.redis)
    const rows: Row[] = []
    const own = stage.cachewell('cachewell', { keyIs: 'string' })
    for (const entrant of [stage.handWritten(), own, ...stage.peers('redis')]) {
      rows.push(rowOf(entrant.name, await countMisses(stage, counter, entrant), entrant === own ? TARGET : undefined))
    }
    return { rows }
  },
}
