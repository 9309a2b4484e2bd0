import { expect, it } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { report } from './report.ts'
import { runHistory } from './run-history.ts'

const seed = Number(process.env.HISTORY_SEED ?? Math.floor(Math.random() * 1e6))

const TROUBLES = ['overtakings', 'delays', 'jitters', 'silences', 'resets', 'kills of connections', 'freezes']
const MOST_TRIES = 12

describeRedis(`a history with near copies (HISTORY_SEED=${seed})`, () => {
  it('keeps the promises while news are late, early, lost or cut off', { timeout: 240_000 }, async () => {
    console.log(`near: HISTORY_SEED=${seed}`)
    const { counts, violations, ...rest } = await runHistory({
      scenario: 'near',
      operations: 15_000,
      processes: 4,
      seed,
    })
    const account = report({ counts, violations, ...rest })
    console.log(account)
    expect(violations, account).toEqual([])
    for (const name of [...TROUBLES, 'removals', 'barriers', 'loads']) expect(counts[name], name).toBeGreaterThan(0)
    const { hits, nearHits, overtaken, unheard } = counts as Record<
      'hits' | 'nearHits' | 'overtaken' | 'unheard',
      number
    >
    // Enough was served from copies, and enough went wrong with them.
    expect(nearHits / hits).toBeGreaterThan(0.2)
    expect(overtaken).toBeGreaterThan(100)
    expect(unheard).toBeGreaterThan(3)
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
