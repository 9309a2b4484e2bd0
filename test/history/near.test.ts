import { expect, it } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { report } from './report.ts'
import { type HistoryOptions, runHistory } from './run-history.ts'

const seed = Number(process.env.HISTORY_SEED ?? Math.floor(Math.random() * 1e6))

const MOST_TRIES = 4

describeRedis(`a history with near copies (HISTORY_SEED=${seed})`, () => {
  async function expectSound(options: Omit<HistoryOptions, 'seed' | 'processes'>, troubles: readonly string[]) {
    console.log(`${options.scenario}: HISTORY_SEED=${seed}`)
    const outcome = await runHistory({ ...options, processes: 4, seed })
    const account = report(outcome)
    console.log(account)
    expect(outcome.violations, account).toEqual([])
    for (const name of [...troubles, 'removals', 'barriers']) expect(outcome.counts[name], name).toBeGreaterThan(0)
    return outcome.counts as { hits: number; nearHits: number; overtaken: number; unheard: number }
  }

  it('keeps the promises while news are late, early, lost or cut off', { timeout: 240_000 }, async () => {
    const troubles = ['overtakings', 'delays', 'jitters', 'silences', 'resets', 'kills of connections', 'freezes']
    const { hits, nearHits, overtaken, unheard } = await expectSound({ scenario: 'near', operations: 20_000 }, troubles)
    // Enough was served from copies, and enough went wrong with them.
    expect(nearHits / hits).toBeGreaterThan(0.25)
    expect(overtaken).toBeGreaterThan(100)
    expect(unheard).toBeGreaterThan(3)
  })

  it('keeps the promises in a cluster whose masters die and whose slots move', { timeout: 240_000 }, async () => {
    const options = { scenario: 'near-cluster', operations: 8_000, only: ['migrations', 'failovers'] } as const
    const { nearHits } = await expectSound(options, [...options.only, 'lost', 'revived', 'replayed'])
    expect(nearHits).toBeGreaterThan(1_000)
  })

  // Each process of a fleet is broken in a way of its own: what it has done is known by what it is served.
  it.each([
    { broken: ['own', 'nesting', 'barrier'], only: ['delays'] },
    { broken: ['guard', 'bound', 'epoch'], only: ['overtakings', 'silences', 'kills of connections'] },
  ] as const)('does not keep them with a broken $broken', { timeout: 240_000 }, async ({ broken, only }) => {
    const found = new Set<string>()
    // What has to coincide for it does so in most histories, and not in each.
    for (let tries = 0; tries < MOST_TRIES && found.size < broken.length; tries++) {
      const options = { scenario: 'near', operations: 8_000, processes: broken.length + 1, only } as const
      const { violations } = await runHistory({ ...options, seed: seed + tries, breaking: broken })
      for (const { by } of violations) found.add(broken[by] ?? `the sound process ${by}`)
    }
    expect([...found].sort()).toEqual([...broken].sort())
  })
})
