import { runInNewContext } from 'node:vm'
import { expect, describe as group, test } from 'vitest'
import { bytesOf, bytesType, describe, kindOf } from '../src/kind.ts'

const SAMPLES = [
  '({})',
  '[]',
  'new Date()',
  'new Map()',
  'new Set()',
  '/a/',
  'Object(1)',
  'Object("a")',
  'Object(true)',
  'new ArrayBuffer(8)',
  'new DataView(new ArrayBuffer(8))',
  ...[
    'Uint8',
    'Uint8Clamped',
    'Int8',
    'Uint16',
    'Int16',
    'Uint32',
    'Int32',
    'Float32',
    'Float64',
    'BigInt64',
    'BigUint64',
  ].map((type) => `new ${type}Array(8)`),
  'Object.create(null)',
  'new Error("x")',
  'new WeakMap()',
  'Promise.resolve()',
  'new (class Map {})()',
  'new (class extends Map {})()',
  'new (class extends Array {})()',
  'Object.create({})',
  'Object.create([])',
  'Object(1n)',
  'new Proxy(new (class Date {})(), {})',
  'new SharedArrayBuffer(8)',
]

group('the kind of an object', () => {
  test.each(SAMPLES)('%s is the same in another realm', (code) => {
    const [own, foreign] = [new Function(`return ${code}`)(), runInNewContext(code)]
    expect(kindOf(foreign)).toBe(kindOf(own))
    if (kindOf(own) === 'bytes') {
      expect(bytesType(foreign)).toBe(bytesType(own))
      expect(bytesOf(foreign)).toEqual(bytesOf(own))
    }
  })

  test('is other for everything with a class of its own', () => {
    expect(SAMPLES.slice(-11).map((code) => kindOf(new Function(`return ${code}`)()))).toEqual(Array(11).fill('other'))
    expect(SAMPLES.slice(0, -11).map((code) => kindOf(new Function(`return ${code}`)()))).not.toContain('other')
  })

  test('of another realm is judged by what it is, not by its prototype alone', () => {
    expect(kindOf(runInNewContext('Object.create(Array.prototype)'))).toBe('other')
  })

  test('is named for messages without the value itself', () => {
    class Money {}
    const cases: [unknown, string][] = [
      [() => 'hunter2', 'a function'],
      [Symbol('hunter2'), 'a symbol'],
      [new Money(), 'an instance of Money'],
      [{ password: 'hunter2' }, 'an object'],
      [Object.create(null), 'an object'],
      [new (class {})(), 'an object'],
      [null, 'null'],
      [5n, '5n'],
    ]
    for (const [value, name] of cases) expect(describe(value)).toBe(name)
  })
})
