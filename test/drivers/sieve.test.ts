import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Sieve, Sieved } from '../../src/drivers/sieve.ts'

type Step =
  | { readonly do: 'set' | 'get' | 'delete'; readonly key: string; readonly size: number }
  | { readonly do: 'clear' }

class Item extends Sieved {
  constructor(readonly value: number) {
    super()
  }
}

/** A sieve of numbers. */
function sieveOf(maxItems: number, maxBytes: number) {
  const sieve = new Sieve<Item>(maxItems, maxBytes)
  return {
    sieve,
    get: (key: string) => sieve.get(key)?.value,
    set: (key: string, value: number, size: number) => sieve.set(key, new Item(value), size),
  }
}

const key = fc.constantFrom(...'abcdefghij')
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('set' as const), key, size: fc.nat(12) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('get' as const), key, size: fc.constant(0) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), key, size: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'clear' as const }) },
)

describe('a sieve', () => {
  test('keeps its bounds, and never answers with anything but what was set last', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 30 }),
        fc.array(step, { maxLength: 150 }),
        (maxItems, maxBytes, steps) => {
          const { sieve, get, set } = sieveOf(maxItems, maxBytes)
          let before: string[] = []
          const last = new Map<string, { value: number; size: number }>()
          steps.forEach((one, value) => {
            if (one.do === 'clear') {
              sieve.clear()
              last.clear()
            } else if (one.do === 'set') {
              expect(set(one.key, value, one.size)).toBe(one.size <= maxBytes)
              last.set(one.key, { value, size: one.size })
              // What has just been set is there, whatever had to go for it.
              expect([...sieve.keys()].includes(one.key)).toBe(one.size <= maxBytes)
            } else if (one.do === 'get') {
              const found = get(one.key)
              if (found !== undefined) expect(found).toBe(last.get(one.key)?.value)
            } else {
              expect(sieve.delete(one.key)).toBe(before.includes(one.key))
              last.delete(one.key)
            }
            const held = [...sieve.keys()]
            before = held
            expect(held.length).toBe(sieve.size)
            expect(sieve.size).toBeLessThanOrEqual(maxItems)
            expect(sieve.bytes).toBeLessThanOrEqual(maxBytes)
            expect(sieve.bytes).toBe(held.reduce((sum, name) => sum + (last.get(name)?.size ?? Number.NaN), 0))
          })
        },
      ),
      { numRuns: 500 },
    )
  })

  test('evicts nothing while there is room', () => {
    const { get, set } = sieveOf(10, 100)
    for (let i = 0; i < 10; i++) set(`${i}`, i, 10)
    expect(Array.from({ length: 10 }, (_, i) => get(`${i}`))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('keeps a hot set through a scan of cold keys', () => {
    const { get, set } = sieveOf(100, 1e9)
    const hot = Array.from({ length: 50 }, (_, i) => `hot${i}`)
    for (const name of hot) set(name, 1, 1)
    for (const name of hot) get(name)
    let lost = 0
    for (let i = 0; i < 10_000; i++) {
      set(`cold${i}`, 1, 1)
      const name = hot[i % hot.length] as string
      if (get(name) === undefined) {
        lost++
        set(name, 1, 1)
      }
    }
    expect(lost).toBeLessThan(10)
  })

  test('lets a new key in where all others are warm, and lets it become warm', () => {
    const { get, set } = sieveOf(3, 1e9)
    const warm = () => {
      for (const name of ['a', 'b', 'c']) get(name)
    }
    for (const name of ['a', 'b', 'c']) set(name, 1, 1)
    for (let i = 0; i < 20; i++) {
      warm()
      set(`new${i}`, i, 1)
      expect(get(`new${i}`)).toBe(i)
    }
  })

  test('of one item holds the newest', () => {
    const { sieve, get, set } = sieveOf(1, 10)
    set('a', 1, 10)
    get('a')
    set('b', 2, 10)
    expect([get('a'), get('b'), sieve.bytes]).toEqual([undefined, 2, 10])
  })

  test('what outgrows it is gone, old value and all', () => {
    const { sieve, get, set } = sieveOf(10, 10)
    set('a', 1, 5)
    expect(set('a', 2, 11)).toBe(false)
    expect([get('a'), sieve.size, sieve.bytes]).toEqual([undefined, 0, 0])
  })
})
