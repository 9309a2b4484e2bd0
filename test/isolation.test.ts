import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { copy, freeze, makeBytes } from '../src/isolation.ts'
import { objectsIn } from './objects-in.ts'
import { expectSame, plainData } from './plain-data.ts'

describe('copy', () => {
  test('is the same data, and shares nothing with the original', () => {
    fc.assert(
      fc.property(plainData, (value) => {
        const copied = copy(value)
        expectSame(copied, value)
        const own = objectsIn(value)
        for (const object of objectsIn(copied)) expect(own.has(object)).toBe(false)
      }),
      { numRuns: 2_000 },
    )
  })

  test('of another realm is of this one', () => {
    const foreign = runInNewContext('[{ a: new Date(1), b: new Map([[1, new Uint8Array(2)]]) }]')
    expectSame(copy(foreign), [{ a: new Date(1), b: new Map([[1, new Uint8Array(2)]]) }])
  })

  test('of bytes holds those bytes only', () => {
    const part = new Uint8Array(1_000_000).subarray(5, 7)
    expect(copy(part).buffer.byteLength).toBe(2)
    expect(copy(Buffer.from('abc').subarray(1)).toString()).toBe('bc')
  })

  test('a field called __proto__ does not become the prototype', () => {
    const copied = copy(JSON.parse('{"__proto__":{"a":1}}'))
    expect(Object.getPrototypeOf(copied)).toBe(Object.prototype)
    expect(Object.keys(copied)).toEqual(['__proto__'])
  })
})

describe('freeze', () => {
  test('freezes objects and arrays all the way down, through Maps and Sets too', () => {
    fc.assert(
      fc.property(plainData, (value) => {
        const copied = copy(value)
        expect(freeze(copied)).toBe(copied)
        expectSame(copied, value)
        for (const object of objectsIn(copied)) {
          const prototype = Object.getPrototypeOf(object)
          if (prototype === null || prototype === Object.prototype || prototype === Array.prototype)
            expect(Object.isFrozen(object)).toBe(true)
        }
      }),
    )
  })
})

describe('makeBytes', () => {
  test.each(['constructor', '__proto__', 'toString', 'Array', 'SharedArrayBuffer', ''])('knows no %s', (type) => {
    expect(() => makeBytes(type, new Uint8Array(8))).toThrow(TypeError)
  })
})
