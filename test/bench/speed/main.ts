import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { now } from '../../support/real-time.ts'
import { RedisServer } from '../../support/redis-server.ts'
import { wholeNumber } from '../arguments.ts'
import { buildCachewell } from '../build.ts'
import { describeMachine, machineLine } from '../machine.ts'
import { installPeers } from '../peers/install.ts'
import { table } from '../table.ts'
import { MemberProcess } from './member-process.ts'
import { type Measured, pageOf } from './page.ts'
import { cellsOf, HEADS } from './row.ts'
import { footprint } from './sections/footprint.ts'
import { keys } from './sections/keys.ts'
import { large } from './sections/large.ts'
import { memory, near } from './sections/memory.ts'
import { miss } from './sections/miss.ts'
import { processes } from './sections/processes.ts'
import { redis } from './sections/redis.ts'
import { start } from './sections/start.ts'
import { DATABASES, type Section, Stage } from './stage.ts'

const SECTIONS: readonly Section[] = [memory, near, redis, miss, large, start, footprint, keys, processes]
const USAGE = `npm run bench -- [${SECTIONS.map(({ name }) => name).join('] [')}] [--launches 3] [--write] [--json FILE]`
/** Whatever hangs, hangs in the bench: ending ends all that it has started. */
const LIMIT_MS = 1_800_000
const docs = new URL('../../../docs/', import.meta.url)

interface Options {
  readonly sections: readonly Section[]
  readonly launches: number
  readonly write: boolean
  readonly json: string | undefined
}

function readOptions(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      launches: { type: 'string', default: '3' },
      write: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  })
  const unknown = positionals.find((name) => !SECTIONS.some((section) => section.name === name))
  if (unknown !== undefined) throw new Error(`there are no rows '${unknown}'. ${USAGE}`)
  if (values.write && positionals.length > 0) throw new Error(`--write is for all rows: the page tells of one run`)
  const wanted = SECTIONS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  return { sections: wanted, launches: wholeNumber(values.launches, USAGE), write: values.write, json: values.json }
}

async function run(options: Options): Promise<void> {
  installPeers()
  using build = buildCachewell()
  await using server = await RedisServer.start({ args: ['--databases', `${DATABASES}`] })
  const machine = await describeMachine(server)
  console.log(machineLine(machine))
  console.log(
    `Launches: ${options.launches}. The rounds of each: docs/benchmarks.md says how many, and how it is measured.`,
  )
  const stage = new Stage(server, build, options.launches)
  const began = now()
  const measured: Measured[] = []
  for (const section of options.sections) {
    const findings = await section.measure(stage)
    measured.push({ section, findings })
    console.log(`\n${section.title}\n${table(HEADS, findings.rows.map(cellsOf))}`)
    for (const note of findings.notes ?? []) console.log(note)
    await server.command('FLUSHALL')
  }
  const minutes = (now() - began) / 60_000
  const { repeated } = MemberProcess
  console.log(`\n${summary(measured)} Took ${minutes.toFixed(1)} minutes; turns repeated: ${repeated}.`)
  if (options.json !== undefined) {
    const results = measured.map(({ section: { name }, findings }) => ({ name, ...findings }))
    writeFileSync(options.json, `${JSON.stringify({ machine, launches: options.launches, results }, null, 2)}\n`)
  }
  if (options.write) write(pageOf({ measured, machine, launches: options.launches, minutes, repeated, at: new Date() }))
}

function summary(measured: readonly Measured[]): string {
  const rows = measured.flatMap(({ findings }) => findings.rows)
  const count = (verdict: string) => rows.filter((row) => row.verdict === verdict).length
  return `Targets: ${count('kept')} kept, ${count('missed')} missed, ${count('left out')} left out.`
}

function write(files: ReadonlyMap<string, string>): void {
  for (const [name, text] of files) {
    writeFileSync(new URL(name, docs), text)
    console.log(`Written: ${fileURLToPath(new URL(name, docs))}`)
  }
}

try {
  const options = readOptions()
  setTimeout(() => {
    console.error('bench: took too long')
    process.exit(2)
  }, LIMIT_MS).unref()
  await run(options)
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 2
}
