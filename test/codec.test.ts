import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeSpecial, encodeSpecial } from '../src/codec.ts'
import { inspect } from '../src/storable.ts'
import { expectSame, plainData } from './plain-data.ts'

const there = (value: unknown) => decodeSpecial(encodeSpecial(value))

describe('the codec', () => {
  test('everything that can be stored comes back as what it was', () => {
    fc.assert(
      fc.property(plainData, (value) => expectSame(there(value), value)),
      { numRuns: 3_000 },
    )
  })

  test('what inspect calls plain is plain JSON', () => {
    let plain = 0
    fc.assert(
      fc.property(plainData, (value) => {
        if (inspect(value, 1e9).special) return
        plain++
        expectSame(JSON.parse(JSON.stringify(value)), value)
      }),
      { numRuns: 3_000 },
    )
    expect(plain).toBeGreaterThan(200)
  })

  test.each<[string, unknown]>([
    ['a Date', new Date(5)],
    ['an invalid Date', new Date(Number.NaN)],
    ['a Map of Maps', new Map([[new Map([[1, 2]]), new Map([[{ a: 1n }, new Set([undefined])]])]])],
    ['undefined', undefined],
    ['undefined in an object', { a: undefined, b: [undefined] }],
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
    ['holes', [1, , undefined, ,]],
    ['numbers that JSON does not know', [Number.NaN, Infinity, -Infinity, -0, 0]],
    ['a big integer', [10n ** 40n, -1n]],
    ['strings that look like others', ['1', 'NaN', 'undefined', '10n', '-0', '\ud800', '\0']],
    ['fields with awkward names', JSON.parse('{"__proto__":{"a":1},"constructor":1,"toString":2,"length":3,"":4}')],
    ['special fields with awkward names', Object.defineProperty({}, '__proto__', { value: 1n, enumerable: true })],
    ['an object without a prototype', Object.assign(Object.create(null), { a: new Date(1), __proto__: 2 })],
    ['bytes of a shared buffer', Buffer.from('abc').subarray(1)],
  ])('%s', (_, value) => expectSame(there(value), value))

  test('bytes have a buffer of their own', () => {
    for (const value of [Buffer.from('hi'), new Uint8Array([1, 2])]) {
      const back = there(value) as Uint8Array
      expect(back.buffer.byteLength).toBe(2)
    }
  })
})

describe('a hostile text', () => {
  const untouched = () => {
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
    expectSame(there([new Date(1), new Map([[1n, undefined]])]), [new Date(1), new Map([[1n, undefined]])])
  }

  test.each([
    '[{},[["number","__proto__","polluted"]]]',
    '[{"a":"1"},[["number","constructor","prototype","polluted"]]]',
    '[{},[["date","__proto__"]]]',
    '[{"a":{}},[["null-object","a","__proto__"]]]',
    '[[],[["null-object","__proto__"]]]',
    '[1,[["valueOf"]]]',
    '[1,[["valueOf"],["date","date"]]]',
    '[1,[["constructor"]]]',
    '[1,[["__proto__"]]]',
    '[1,[["toString"]]]',
    '[1,[["__defineGetter__"]]]',
    '[1,[["function"]]]',
    '[1,[["hole","a","b"]]]',
    '["x",[["number",0]]]',
    '["x",[["bigint"]]]',
    '["x",[["map"]]]',
    '[1,[["set"]]]',
    '[1,[["bytes"]]]',
    '[["constructor","AA=="],[["bytes"]]]',
    '[["__proto__","AA=="],[["bytes"]]]',
    '[["Float64Array","AA=="],[["bytes"]]]',
    '[["Buffer"],[["bytes"]]]',
    '[1]',
    '[1,1]',
    '[1,[1]]',
    '[1,[null]]',
    '[1,{}]',
    '{}',
    'null',
    '1',
    '',
    '[',
  ])('%s throws', (text) => {
    expect(() => decodeSpecial(text)).toThrow()
    untouched()
  })

  test('of any kind only throws, or is data', () => {
    const step = fc.oneof(
      fc.constantFrom<string | number>(
        '__proto__',
        'constructor',
        'prototype',
        'length',
        'polluted',
        'a',
        0,
        1,
        -1,
        'value',
      ),
      fc.string({ maxLength: 3 }),
    )
    const what = fc.oneof(
      {
        weight: 9,
        arbitrary: fc.constantFrom(
          'date',
          'map',
          'set',
          'bigint',
          'undefined',
          'number',
          'bytes',
          'null-object',
          'hole',
        ),
      },
      fc.constantFrom('valueOf', 'constructor', '__proto__', 'toString', 'hasOwnProperty', ''),
    )
    const rows = fc.array(
      fc.tuple(what, fc.array(step, { maxLength: 3 })).map(([name, path]) => [name, ...path]),
      { maxLength: 5 },
    )
    const data = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constant({ a: [['k', 'v']], __proto__: { polluted: 1 } }),
      fc.constant(JSON.parse('{"__proto__":{"polluted":"1"},"constructor":{"prototype":{}},"a":["Buffer","AA=="]}')),
    )
    fc.assert(
      fc.property(data, rows, (value, table) => {
        try {
          const found = decodeSpecial(JSON.stringify([value, table]))
          expect(typeof found).not.toBe('function')
        } catch {}
        untouched()
      }),
      { numRuns: 3_000 },
    )
  })

  test('the untouched check can fail', () => {
    Object.assign(Object.prototype, { polluted: 1 })
    try {
      expect(untouched).toThrow()
    } finally {
      Reflect.deleteProperty(Object.prototype, 'polluted')
    }
    expect(isDeepStrictEqual({}, {})).toBe(true)
  })

  test('of a huge size throws before it takes long', () => {
    const began = performance.now()
    const row = JSON.stringify(['number', ...Array.from({ length: 10_000 }, () => 'a')])
    expect(() => decodeSpecial(`[{},[${row}]]`)).toThrow()
    expect(() => decodeSpecial(`${'['.repeat(1_000_000)}`)).toThrow()
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})
