import { describe, expect, test } from 'vitest'
import type { State } from '../../src/drivers/driver.ts'
import { coalesceReads } from '../../src/redis/coalesce.ts'

const answer = (key: string): State => ({ kind: 'counter', value: Number(key) })

function setUp(readMany = async (keys: readonly string[]): Promise<readonly State[]> => keys.map(answer)) {
  const batches: (readonly string[])[] = []
  const join = coalesceReads((keys) => {
    batches.push(keys)
    return readMany(keys)
  })
  return { batches, join, read: (key: string) => join(key).promise }
}

describe('reads of one tick', () => {
  test('are one batch, with each key once, and each gets its own answer', async () => {
    const { batches, read } = setUp()
    const states = await Promise.all(['1', '2', '1', '3'].map(read))
    expect(batches).toEqual([['1', '2', '3']])
    expect(states).toEqual(['1', '2', '1', '3'].map(answer))
  })

  test('are one batch also where promises come in between', async () => {
    const { batches, read } = setUp()
    const later = async (key: string, turns: number) => {
      for (let i = 0; i < turns; i++) await undefined
      return read(key)
    }
    await Promise.all([later('1', 0), later('2', 3), later('3', 7)])
    expect(batches).toEqual([['1', '2', '3']])
  })

  test('a read that has been sent is not joined', async () => {
    const { batches, join } = setUp()
    const first = join('1')
    expect(join('1')).toBe(first)
    await new Promise((resolve) => setImmediate(resolve))
    const second = join('1')
    expect(second).not.toBe(first)
    await Promise.all([first.promise, second.promise])
    expect(batches).toEqual([['1'], ['1']])
  })

  test('are sent in several commands when they are many, none lost', async () => {
    const { batches, read } = setUp()
    const keys = Array.from({ length: 1_200 }, (_, i) => `${i}`)
    expect(await Promise.all(keys.map(read))).toEqual(keys.map(answer))
    expect(batches.map((batch) => batch.length)).toEqual([512, 512, 176])
  })

  test.each<[string, (keys: readonly string[]) => Promise<readonly State[]>]>([
    ['a rejection', () => Promise.reject(new Error('away'))],
    [
      'a throw',
      () => {
        throw new Error('away')
      },
    ],
  ])('%s reaches each of them as its own state', async (_, readMany) => {
    const { read } = setUp(readMany)
    const states = await Promise.all(['1', '2', '1'].map(read))
    for (const state of states) expect(state).toMatchObject({ kind: 'error', error: { message: 'away' } })
  })

  test('one command that fails does not fail the others', async () => {
    const { read } = setUp(async (keys) => {
      if (keys.includes('600')) throw new Error('away')
      return keys.map(answer)
    })
    const states = await Promise.all(Array.from({ length: 700 }, (_, i) => read(`${i}`)))
    expect(states.filter((state) => state.kind === 'error')).toHaveLength(188)
    expect(states[0]).toEqual(answer('0'))
  })

  test('too few answers are an error, and nobody waits for ever', async () => {
    const { read } = setUp(async () => [answer('1')])
    for (const state of await Promise.all(['1', '2'].map(read))) expect(state).toMatchObject({ kind: 'error' })
  })
})
