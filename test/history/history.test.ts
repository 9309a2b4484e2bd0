import { expect, it } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { mutants } from './mutants.ts'
import { report } from './report.ts'
import { runHistory } from './run-history.ts'

// Timing is not in the seed's hands, so a seed makes the same choices again and not the same history.
const seed = Number(process.env.HISTORY_SEED ?? Math.floor(Math.random() * 1e6))
const operations = Number(process.env.HISTORY_OPERATIONS ?? 200_000)

describeRedis(`a history (HISTORY_SEED=${seed})`, () => {
  it('of four processes that are killed, stopped and cut off keeps the promises', { timeout: 300_000 }, async () => {
    console.log(`HISTORY_SEED=${seed}`)
    const outcome = await runHistory({ operations, processes: 4, seed })
    const account = report(outcome)
    console.log(account)
    expect(outcome.violations, account).toEqual([])
    expect(outcome.operations).toBeGreaterThanOrEqual(operations)
    expect(outcome.counts.kills).toBeGreaterThan(0)
    expect(outcome.counts.stops).toBeGreaterThan(0)
    // Enough happened that could have gone wrong.
    expect(outcome.counts.removals).toBeGreaterThan(operations / 100)
    expect(outcome.counts.loads).toBeGreaterThan(operations / 100)
  })

  const found: Record<(typeof mutants)[number], string> = {
    ...{ fence: 'stale', joining: 'stale', stamps: 'stale', journal: 'stale' },
    lease: 'overlap',
  }
  it.each(mutants)('does not keep them with a broken %s', { timeout: 120_000 }, async (breaking) => {
    // While all goes well nothing is put off, and a journal is not needed.
    const where = breaking === 'journal' ? { scenario: 'proxy' as const } : { trouble: false }
    const outcome = await runHistory({ operations: 8_000, processes: 4, seed, breaking, ...where })
    const rules = outcome.violations.map(({ rule }) => rule)
    // Not by luck: so many that a quieter machine would have them too.
    expect(rules.filter((rule) => rule === found[breaking]).length).toBeGreaterThan(5)
  })
})
