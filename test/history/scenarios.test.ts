import { expect, it } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { report } from './report.ts'
import { runHistory } from './run-history.ts'

// Each kind of trouble comes once at least, however few the operations are.
const seed = Number(process.env.HISTORY_SEED ?? Math.floor(Math.random() * 1e6))
const scenarios = {
  // With near copies in half of the processes: what is promised to the others is the same.
  'near-cluster': { operations: 8_000, troubles: ['migrations', 'failovers', 'pauses', 'revived'] },
  proxy: { operations: 12_000, troubles: ['latencies', 'resets', 'halfOpens', 'refusals', 'losses', 'stalls'] },
} as const
const names = Object.keys(scenarios) as (keyof typeof scenarios)[]

describeRedis(`a history with trouble (HISTORY_SEED=${seed})`, () => {
  it.each(names)('keeps the promises: %s', { timeout: 240_000 }, async (scenario) => {
    console.log(`${scenario}: HISTORY_SEED=${seed}`)
    const { operations, troubles } = scenarios[scenario]
    const outcome = await runHistory({ scenario, operations, processes: 4, seed })
    const account = report(outcome)
    console.log(account)
    expect(outcome.violations, account).toEqual([])
    for (const name of [...troubles, 'lost', 'replayed', 'removals']) {
      expect(outcome.counts[name], name).toBeGreaterThan(0)
    }
  })
})
