import { expect, it } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { report } from './report.ts'
import { runSoak } from './run-soak.ts'

// Timing is not in the seed's hands, so a seed makes the same choices again and not the same run.
const seed = Number(process.env.SOAK_SEED ?? Math.floor(Math.random() * 1e6))

describeRedis(`a soak (SOAK_SEED=${seed})`, () => {
  it('in twenty seconds of trouble grows nothing and breaks no promise', { timeout: 240_000 }, async () => {
    const outcome = await runSoak({ minutes: 1 / 3, seed, everyMs: 2_000 })
    expect(outcome.problems, report(outcome)).toEqual([])
  })
})
