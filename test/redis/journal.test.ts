import { describe, expect, test } from 'vitest'
import type { Removal } from '../../src/drivers/driver.ts'
import { Journal } from '../../src/redis/journal.ts'

const EVERYTHING = ['p::*']

async function replayed(journal: Journal): Promise<Removal[]> {
  const seen: Removal[] = []
  await journal.replay(async (removal) => seen.push(removal))
  return seen
}

describe('the journal', () => {
  test('carries out each removal once, in order, and is empty then', async () => {
    const journal = new Journal(EVERYTHING)
    for (const key of ['a', 'b', 'a']) journal.add({ key })
    journal.add({ glob: 'a' })
    expect(journal.size).toBe(3)
    expect(await replayed(journal)).toEqual([{ key: 'b' }, { key: 'a' }, { glob: 'a' }])
    expect(journal.size).toBe(0)
    expect(await replayed(journal)).toEqual([])
  })

  test('carries out a removal although the same is to expire later, and once each', async () => {
    const journal = new Journal(EVERYTHING)
    for (let i = 0; i < 2; i++) {
      journal.add({ key: 'a' })
      journal.add({ key: 'a', mode: 'expire' })
    }
    expect(await replayed(journal)).toEqual([{ key: 'a' }, { key: 'a', mode: 'expire' }])
  })

  test('stops at the first failure, with the rest still noted', async () => {
    const journal = new Journal(EVERYTHING)
    for (const key of ['a', 'b', 'c']) journal.add({ key })
    const failing = journal.replay(async (removal) => {
      if ('key' in removal && removal.key === 'b') throw new Error('away')
    })
    await expect(failing).rejects.toThrow('away')
    expect(await replayed(journal)).toEqual([{ key: 'b' }, { key: 'c' }])
  })

  test('carries out what is added meanwhile', async () => {
    const journal = new Journal(EVERYTHING)
    journal.add({ key: 'a' })
    const seen: Removal[] = []
    await journal.replay(async (removal) => {
      if (seen.push(removal) === 1) journal.add({ key: 'b' })
    })
    expect(seen).toEqual([{ key: 'a' }, { key: 'b' }])
    expect(journal.size).toBe(0)
  })

  test.each(['the same object', 'an equal one'])(
    'what is asked for again while it is carried out is carried out again: %s',
    async (which) => {
      const journal = new Journal(EVERYTHING)
      const removal = { key: 'a' }
      journal.add(removal)
      let times = 0
      await journal.replay(async () => {
        if (++times === 1) journal.add(which === 'the same object' ? removal : { key: 'a' })
      })
      expect(times).toBe(2)
      expect(journal.size).toBe(0)
    },
  )

  test('widens when it overflows, and forgets nothing', async () => {
    const journal = new Journal([...EVERYTHING, 'q::*'])
    for (let i = 0; i < 1_000; i++) journal.add({ key: `${i}` })
    expect(journal.size).toBe(1_000)
    journal.add({ key: 'one more' })
    expect(await replayed(journal)).toEqual([{ glob: 'p::*' }, { glob: 'q::*' }])
  })

  test('widens in the middle of a replay', async () => {
    const journal = new Journal(EVERYTHING)
    journal.add({ key: 'a' })
    const seen: Removal[] = []
    await journal.replay(async (removal) => {
      if (seen.push(removal) === 1) for (let i = 0; i <= 1_000; i++) journal.add({ key: `${i}` })
    })
    expect(seen).toContainEqual({ glob: 'p::*' })
    expect(journal.size).toBe(0)
  })
})
