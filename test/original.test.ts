import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { copy } from '../src/isolation.ts'
import { Original } from '../src/original.ts'
import { objectsIn } from './objects-in.ts'
import { expectSame, plainData } from './plain-data.ts'

/** Rows of a table, some fields of which are missing, or of another kind, here and there. */
const rows = fc.array(
  fc.record(
    {
      id: fc.nat(),
      tags: fc.oneof(fc.array(fc.string()), fc.array(fc.record({ a: fc.nat() })), fc.constant(null)),
      at: fc.option(fc.date({ noInvalidDate: true })),
      owner: fc.oneof(fc.record({ name: fc.string(), groups: fc.array(fc.nat()) }), fc.constant('nobody')),
    },
    { requiredKeys: ['id'] },
  ),
)

describe('an original', () => {
  test.each([
    ['any data', plainData, 2_000],
    ['rows that are nearly alike', rows, 1_000],
  ] as const)('gives copies that are the same data, and share nothing, of %s', (_what, data, numRuns) => {
    fc.assert(
      fc.property(data as fc.Arbitrary<unknown>, (value) => {
        const original = new Original(copy(value))
        const known = objectsIn(value)
        for (let i = 0; i < 3; i++) {
          const copied = original.copy()
          expectSame(copied, value)
          for (const object of objectsIn(copied)) {
            expect(known.has(object)).toBe(false)
            known.add(object)
          }
        }
      }),
      { numRuns },
    )
  })

  test('is not changed by what is done to its copies', () => {
    const original = new Original({ rows: [{ tags: ['a'], at: new Date(1) }, { tags: [] }], owner: { name: 'a' } })
    const taken = original.copy() as { rows: { tags: string[]; at?: Date }[]; owner: { name: string } }
    taken.rows[0]?.tags.push('b')
    taken.rows[0]?.at?.setTime(5)
    taken.rows.pop()
    taken.owner.name = 'b'
    expect(original.copy()).toEqual({ rows: [{ tags: ['a'], at: new Date(1) }, { tags: [] }], owner: { name: 'a' } })
  })

  test('a field that only some rows have is not taken from Object.prototype in others', () => {
    const original = new Original(JSON.parse('[{"__proto__":{"a":1},"extra":[1]},{"b":2}]'))
    const polluted = Object.prototype as { extra?: object }
    polluted.extra = { everywhere: true }
    try {
      const [first, second] = original.copy() as object[]
      expect(Object.keys(first as object)).toEqual(['__proto__', 'extra'])
      expect(Object.keys(second as object)).toEqual(['b'])
      expect(Object.getPrototypeOf(second)).toBe(Object.prototype)
    } finally {
      delete polluted.extra
    }
  })

  test('of a dictionary of objects is copied as well', () => {
    const value = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`key ${i}`, { i, list: [{ i }] }]))
    const original = new Original(value)
    expect(original.copy()).toEqual(value)
    expect((original.copy() as typeof value)['key 7']?.list).not.toBe(value['key 7']?.list)
  })
})
