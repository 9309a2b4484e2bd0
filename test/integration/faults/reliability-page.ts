import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findRedisBinary } from '../../support/redis-binary.ts'
import { until } from '../../support/until.ts'
import { HEADING, type Row, textOf } from './row.ts'

const page = fileURLToPath(new URL('../../../docs/reliability.md', import.meta.url))

/** `npx vitest run --config test/vitest.config.ts test/integration/faults` then writes the tables in place of comparing them. */
export const isWriting = process.env.CACHEWELL_WRITE_DOCS === '1'

export const readPage = (): string => readFileSync(page, 'utf8')

const frame = (family: string) =>
  new RegExp(`(<!-- faults: ${family}, Redis )([\\d.]+)( -->\\n)([^]*?)(<!-- end of ${family} -->)`)

/** Texts of rows by their fault, and the Redis whose words they quote. */
export function readTable(family: string): { readonly redis: string; readonly rows: ReadonlyMap<string, string> } {
  const [, , redis = '', , table = ''] = frame(family).exec(readPage()) ?? []
  const rows = table.split('\n').filter((line) => line.startsWith('| ') && line !== HEADING[0])
  return { redis, rows: new Map(rows.map((row) => [String(row.split(' | ')[0]?.slice(2)), row])) }
}

/** Rows that have not been made anew, since only some tests ran, stay as they are. */
export async function writeTable(family: string, faults: readonly string[], made: readonly Row[]): Promise<void> {
  await alone(() => {
    const rows = new Map([...readTable(family).rows, ...made.map((row) => [row.fault, textOf(row)] as const)])
    const table = [...HEADING, ...faults.flatMap((fault) => rows.get(fault) ?? [])].join('\n')
    const written = readPage().replace(frame(family), (_all, begin, _redis, between, _table, end) =>
      [begin, redisVersion(), between, '\n', table, '\n\n', end].join(''),
    )
    writeFileSync(page, written)
  })
}

/** As `7.0`: another one words its errors differently. */
export function redisVersion(): string {
  const said = execFileSync(findRedisBinary() ?? 'redis-server', ['--version'], { encoding: 'utf8' })
  return /v=(\d+\.\d+)/.exec(said)?.[1] ?? ''
}

/** Each file of tests has a process of its own, and all write to one page. */
async function alone(write: () => void): Promise<void> {
  const lock = join(tmpdir(), 'cachewell-reliability-page')
  await until(() => mkdirSync(lock) === undefined, { label: `${lock}, or it was left behind`, timeoutMs: 10_000 })
  try {
    write()
  } finally {
    rmdirSync(lock)
  }
}
