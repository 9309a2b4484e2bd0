import { loadedSize } from '../../../support/loaded-size.ts'
import { median } from '../../table.ts'
import { reportOf } from '../child-report.ts'
import type { Entrant } from '../contest.ts'
import { MemberProcess } from '../member-process.ts'
import type { FirstCallReport } from '../programs/first-call.ts'
import type { ImportReport } from '../programs/import.ts'
import { atMost, figure, numberRow, plainRow, type Row, verdictOn } from '../row.ts'
import type { Section, Stage } from '../stage.ts'

/** Of each launch. */
const ROUNDS = 8

async function importRows(stage: Stage): Promise<Row[]> {
  const program = stage.program('import')
  const nothing = stage.program('nothing').file.href
  const load = (url: string) => reportOf<ImportReport>(program, { SPEED_IMPORT: url })
  const over = { cachewell: [] as number[], ioredis: [] as number[], empty: [] as number[] }
  let loadsIoredis = false
  for (let round = 0; round < ROUNDS * stage.launches; round++) {
    const empty = await load(nothing)
    const cachewell = await load(stage.buildUrl)
    const ioredis = await load(stage.adapter('hand-written'))
    over.empty.push(empty.ms)
    over.cachewell.push(cachewell.ms - empty.ms)
    over.ioredis.push(ioredis.ms - empty.ms)
    loadsIoredis ||= cachewell.loadsIoredis
  }
  return [
    numberRow('import of an empty module', over.empty, 'ms'),
    numberRow("import 'cachewell', over an empty module", over.cachewell, 'ms', atMost(5, 'ms')),
    {
      ...plainRow('loads ioredis', loadsIoredis ? 'yes' : 'no'),
      ...{ target: 'no', verdict: loadsIoredis ? 'missed' : 'kept' },
    },
    numberRow("import 'ioredis', over an empty module", over.ioredis, 'ms'),
  ]
}

async function sizeRow(): Promise<Row> {
  const size = (await loadedSize()) / 1e3
  return numberRow('loaded by the import, minified and compressed', [size], 'kB', atMost(12, 'kB'))
}

async function firstCallRows(stage: Stage): Promise<Row[]> {
  const program = stage.program('first-call')
  const first = async ({ settings }: Entrant, loads: number) => {
    const report = await reportOf<FirstCallReport>(program, { SPEED_SETTINGS: JSON.stringify(settings) })
    if (report.loads !== loads) throw new Error(`${report.loads} loads in a first call, not ${loads}`)
    return report.ms
  }
  const theirs = stage.handWritten()
  const ours = stage.cachewell('cachewell', { keyIs: 'string' })
  for (const entrant of [theirs, ours]) await storeFirst(stage, entrant)
  const ms = { theirs: [] as number[], ours: [] as number[] }
  for (let round = 0; round < ROUNDS * stage.launches; round++) {
    ms.theirs.push(await first(theirs, 0))
    ms.ours.push(await first(ours, 0))
  }
  const ratios = ms.ours.map((one, i) => one / (ms.theirs[i] as number))
  const target = atMost(1.1)
  return [
    numberRow('first call, hand-written', ms.theirs, 'ms'),
    {
      ...numberRow('first call, cachewell', ratios, 'x', target),
      absolute: `${figure(median(ms.ours))} ms`,
      verdict: verdictOn(median(ratios), target),
    },
  ]
}

/** By a process of the contestant's own. */
async function storeFirst(stage: Stage, { settings }: Entrant): Promise<void> {
  const member = await MemberProcess.start(stage.program('member'), { ...settings, keys: 1 })
  await member[Symbol.asyncDispose]()
}

export const start: Section = {
  name: 'start',
  title: 'Starting',
  about: `Fresh processes, in turns. The import is timed in the process, around \`await import()\`. The first call is the
import, the connection and one hit in Redis, from the first line of the program on; hand-written: the import of ioredis,
\`new Redis()\`, \`get\`, \`JSON.parse\`. The size is that of what the entry imports statically, without ioredis. Processes of each,
for each launch: ${ROUNDS}.`,
  async measure(stage) {
    return { rows: [...(await importRows(stage)), await sizeRow(), ...(await firstCallRows(stage))] }
  },
}
