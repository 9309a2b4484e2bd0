import { afterAll, expect, test } from 'vitest'
import { describeRedis } from '../../support/redis-available.ts'
import type { Fault } from './fault.ts'
import { FAULTS } from './faults.ts'
import { isWriting, readTable, redisVersion, writeTable } from './reliability-page.ts'
import { comparable, type Row, textOf } from './row.ts'
import { runFault } from './run-fault.ts'

/** One test for each fault, that also compares it with its row in docs/reliability.md. */
export function describeFaults(family: keyof typeof FAULTS): void {
  const faults: readonly Fault[] = FAULTS[family]
  const made: Row[] = []
  describeRedis(`whatever goes wrong with ${family}, calls return what the function returns`, () => {
    if (isWriting) {
      afterAll(() =>
        writeTable(
          family,
          faults.map(({ name }) => name),
          made,
        ),
      )
    }
    test.each(faults)('$name', { timeout: 60_000 }, async (fault) => {
      const row = await runFault(fault)
      made.push(row)
      if (!isWriting) expectWritten(family, row)
    })

    test('the page names all of them, and no others', () => {
      if (!isWriting) expect([...readTable(family).rows.keys()]).toEqual(faults.map(({ name }) => name))
    })
  })
}

function expectWritten(family: string, row: Row): void {
  const { redis, rows } = readTable(family)
  const written = rows.get(row.fault)
  expect(written, `docs/reliability.md has no row for it: run with CACHEWELL_WRITE_DOCS=1`).toBeDefined()
  const withLog = redis === redisVersion()
  expect(comparable(textOf(row), withLog)).toEqual(comparable(String(written), withLog))
}
