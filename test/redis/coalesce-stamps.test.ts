import { expect, test } from 'vitest'
import { coalesceStamps } from '../../src/redis/coalesce-stamps.ts'

function asking() {
  const asked: [key: string, ttlMs: number][] = []
  const ask = coalesceStamps(async (key, ttlMs) => {
    asked.push([key, ttlMs])
    if (key === 'bad') throw new Error('away')
    return { id: `${key} ${asked.length}`, changedAt: 0, made: false, now: 0 }
  })
  return { ask, asked }
}

test('a stamp that several ask for in one tick is asked for once, and kept for as long as any of them wants', async () => {
  const { ask, asked } = asking()
  const stamps = await Promise.all([ask('a', 5), ask('b', 1), ask('a', 9), Promise.resolve().then(() => ask('a', 2))])
  expect(asked).toEqual([
    ['b', 1],
    ['a', 9],
  ])
  expect(stamps.map(({ id }) => id)).toEqual(['a 2', 'b 1', 'a 2', 'a 2'])
})

test('what anybody asks for last is looked at last', async () => {
  const { ask, asked } = asking()
  await Promise.all(['x', 'any', 'y', 'any', 'x', 'z', 'any'].map((key) => ask(key, 1)))
  expect(asked.map(([key]) => key)).toEqual(['y', 'x', 'z', 'any'])
})

test('nobody joins a request that has been sent', async () => {
  const { ask, asked } = asking()
  const first = await ask('a', 1)
  expect(await ask('a', 1)).not.toEqual(first)
  expect(asked).toHaveLength(2)
})

test('who asked for what fails hears of it, and nobody else', async () => {
  const { ask } = asking()
  const outcomes = await Promise.allSettled([ask('bad', 1), ask('good', 1), ask('bad', 1)])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected'])
})
