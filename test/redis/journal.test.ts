import { describe, expect, test } from 'vitest'
import type { Removal } from '../../src/drivers/driver.ts'
import { Journal } from '../../src/redis/journal.ts'
import { HandClock } from '../../src/testing/hand-clock.ts'

const EVERYTHING = ['p::*']

async function replayed(journal: Journal): Promise<Removal[]> {
  const seen: Removal[] = []
  await journal.replay(async (removal) => seen.push(removal))
  return seen
}

describe('the journal', () => {
  test('carries out each removal once, in order, and is empty then', async () => {
    const journal = new Journal(EVERYTHING, new HandClock())
    for (const key of ['a', 'b', 'a']) journal.add({ key })
    journal.add({ glob: 'a' })
    expect(journal.size).toBe(3)
    expect(await replayed(journal)).toEqual([{ key: 'b' }, { key: 'a' }, { glob: 'a' }])
    expect(journal.size).toBe(0)
    expect(await replayed(journal)).toEqual([])
  })

  test('carries out a removal although the same is to expire later, and once each', async () => {
    const journal = new Journal(EVERYTHING, new HandClock())
    for (let i = 0; i < 2; i++) {
      journal.add({ key: 'a' })
      journal.add({ key: 'a', mode: 'expire' })
    }
    expect(await replayed(journal)).toEqual([{ key: 'a' }, { key: 'a', mode: 'expire' }])
  })

  test('goes on after a failure, and keeps what has failed', async () => {
    const journal = new Journal(EVERYTHING, new HandClock())
    for (const key of ['a', 'b', 'c']) journal.add({ key })
    const failing = journal.replay(async (removal) => {
      if ('key' in removal && removal.key === 'b') throw new Error('away')
    })
    await expect(failing).rejects.toThrow('away')
    expect(await replayed(journal)).toEqual([{ key: 'b' }])
  })

  test('carries out what is added meanwhile', async () => {
    const journal = new Journal(EVERYTHING, new HandClock())
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
      const journal = new Journal(EVERYTHING, new HandClock())
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
    const journal = new Journal([...EVERYTHING, 'q::*'], new HandClock())
    for (let i = 0; i < 10_000; i++) journal.add({ key: `${i}` })
    expect(journal.size).toBe(10_000)
    journal.add({ key: 'one more' })
    expect(await replayed(journal)).toEqual([{ glob: 'p::*' }, { glob: 'q::*' }])
  })

  test('widens in the middle of a replay', async () => {
    const journal = new Journal(EVERYTHING, new HandClock())
    journal.add({ key: 'a' })
    const seen: Removal[] = []
    await journal.replay(async (removal) => {
      if (seen.push(removal) === 1) for (let i = 0; i <= 10_000; i++) journal.add({ key: `${i}` })
    })
    expect(seen).toContainEqual({ glob: 'p::*' })
    expect(journal.size).toBe(0)
  })

  test('covers what it still has to remove, and nothing else', async () => {
    const journal = new Journal(EVERYTHING, new HandClock())
    expect(journal.covers('a')).toBe(false)
    journal.add({ key: 'a', mode: 'expire' })
    journal.add({ stamp: 'p#tag' })
    journal.add({ glob: 'p::user:*' })
    expect(['a', 'p#tag', 'p::user:1', 'p::users', 'b'].map((key) => journal.covers(key))).toEqual([
      ...[true, true, true],
      ...[false, false],
    ])
    await replayed(journal)
    expect(['a', 'p#tag', 'p::user:1'].some((key) => journal.covers(key))).toBe(false)
  })

  describe('of what was acknowledged', () => {
    test('carries out again what is younger than a minute', async () => {
      const clock = new HandClock()
      const journal = new Journal(EVERYTHING, clock)
      journal.acknowledge({ key: 'old' })
      clock.advance(59_000)
      journal.acknowledge({ glob: 'p::user:*' })
      journal.acknowledge({ key: 'new' })
      clock.advance(2_000)
      expect(journal.size).toBe(0)
      journal.revive()
      expect(journal.covers('p::user:1')).toBe(true)
      expect(await replayed(journal)).toEqual([{ glob: 'p::user:*' }, { key: 'new' }])
      journal.revive()
      expect(journal.size).toBe(2)
    })

    test('carries out only what is concerned, and what may be', async () => {
      const journal = new Journal(EVERYTHING, new HandClock())
      const glob = { glob: 'p::user:*' }
      for (const removal of [{ key: 'moved' }, { key: 'stayed' }, { stamp: 'p#stayed' }, glob]) {
        journal.acknowledge(removal)
      }
      journal.revive((key) => key === 'moved')
      expect(await replayed(journal)).toEqual([{ key: 'moved' }, glob])
    })

    test('is bounded, and widens as well', async () => {
      const journal = new Journal(EVERYTHING, new HandClock())
      for (let i = 0; i < 10_001; i++) journal.acknowledge({ key: `${i}` })
      journal.acknowledge({ key: 'after' })
      journal.revive()
      expect(await replayed(journal)).toEqual([{ glob: 'p::*' }, { key: 'after' }])
    })
  })
})
