import { Readable } from 'node:stream'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inspect, TooLargeError, UnstorableError } from '../src/storable.ts'
import { plainData } from './plain-data.ts'

const LIMIT = 1024 * 1024
const refusal = (value: unknown) => {
  try {
    inspect(value, LIMIT)
  } catch (error) {
    return error
  }
  return undefined
}

class Money {
  amount = 1
}

const cycle: Record<string, unknown> = {}
cycle.self = { cycle }
const cyclicMap = new Map<string, unknown>()
cyclicMap.set('a', [cyclicMap])

const UNSTORABLE: [string, unknown, string][] = [
  ['a class instance', new Money(), 'an instance of Money'],
  ['an instance of a nameless class', new (class {})(), 'an object'],
  ['an object that inherits', Object.create({ a: 1 }), 'an object'],
  ['a function', () => {}, 'a function'],
  ['a class', Money, 'a function'],
  ['a symbol', Symbol.for('a'), 'a symbol'],
  ['a stream', new Readable(), 'an instance of Readable'],
  ['a web stream', new ReadableStream(), 'an instance of ReadableStream'],
  ['a response', new Response('x'), 'an instance of Response'],
  ['a promise', Promise.resolve(), 'an instance of Promise'],
  ['a generator', (function* () {})(), 'an '],
  ['an asynchronous generator', (async function* () {})(), 'an '],
  ['an iterator', [1].values(), 'an '],
  ['an error', new TypeError('x'), 'an instance of TypeError'],
  ['a regular expression', /a/, 'an instance of RegExp'],
  ['a URL', new URL('http://x'), 'an instance of URL'],
  ['a WeakMap', new WeakMap(), 'an instance of WeakMap'],
  ['a boxed number', Object(1), 'an instance of Number'],
  ['a subclass of Array', new (class List extends Array {})(), 'an instance of List'],
  ['a subclass of Map', new (class Index extends Map {})(), 'an instance of Index'],
  ['an array with a named property', Object.assign([1], { total: 1 }), 'an array with named properties'],
  ['a Map with a property', Object.assign(new Map(), { a: 1 }), 'with properties of its own'],
  ['a Date with a property', Object.assign(new Date(), { a: 1 }), 'with properties of its own'],
  ['an object with a symbol property', { [Symbol('a')]: 1 }, 'an object with symbol properties'],
  ['shared memory', new SharedArrayBuffer(8), 'an instance of SharedArrayBuffer'],
]

describe('what cannot be stored', () => {
  test.each(UNSTORABLE)('%s, wherever it is, is refused with its path', (_, value, what) => {
    const places: [string, unknown][] = [
      ['result', value],
      ['result.rows[3].amount', { rows: [1, 2, 3, { amount: value }] }],
      ['result["a-b"].c', { 'a-b': { c: value } }],
      ['result[1][1]', new Map([[1, 2] as [number, unknown], [3, value]])],
      ['result[0][0]', new Map([[value, 1]])],
      ['result[0]', new Set([value])],
    ]
    for (const [path, place] of places) {
      const error = refusal(place)
      expect(error).toBeInstanceOf(UnstorableError)
      expect((error as UnstorableError).path).toBe(path)
      expect((error as UnstorableError).message).toMatch(`${path} is `)
      expect((error as UnstorableError).what).toContain(what)
    }
  })

  test('cycles are refused where they close', () => {
    expect(refusal(cycle)).toMatchObject({ path: 'result.self.cycle' })
    expect(refusal(cyclicMap)).toMatchObject({ path: 'result[0][1][0]' })
    expect(refusal([1, cycle])).toBeInstanceOf(UnstorableError)
  })

  test('a part that is met twice is no cycle', () => {
    const shared = { a: 1 }
    expect(refusal([shared, shared, { shared }])).toBeUndefined()
  })

  test('a very deep path is cut in the middle', () => {
    const deep = Array.from({ length: 100 }).reduce(
      (inner: unknown) => ({ a: inner }),
      () => {},
    )
    const { path } = refusal(deep) as UnstorableError
    expect(path).toMatch(/^result(\.a){9}…(\.a){5}$/)
  })
})

describe('what can', () => {
  test('is everything that the codec knows', () => {
    fc.assert(fc.property(plainData, (value) => refusal(value) === undefined))
  })

  test('is special exactly where JSON is not enough', () => {
    const special = [
      new Date(),
      new Map(),
      new Set(),
      1n,
      undefined,
      Number.NaN,
      -0,
      [undefined],
      Buffer.from(''),
      Object.create(null),
    ]
    for (const value of [...special, new Array(1), { a: { b: [Infinity] } }])
      expect(inspect(value, LIMIT).special).toBe(true)
    for (const value of [1, 'a', null, true, [], {}, { a: [{ b: null }] }, '\ud800'])
      expect(inspect(value, LIMIT).special).toBe(false)
  })

  test('may come from another realm', () => {
    const foreign = runInNewContext(
      '({ a: [1, new Date(1), new Map([[1, new Set([1n])]])], b: new Uint8Array(2), c: Object.create(null) })',
    )
    expect(refusal(foreign)).toBeUndefined()
    expect(refusal(runInNewContext('new (class Map {})'))).toBeInstanceOf(UnstorableError)
    expect(refusal(runInNewContext('[new Error("x")]'))).toMatchObject({ path: 'result[0]' })
  })
})

describe('size', () => {
  test('is refused as soon as it is clear, whatever it is made of', () => {
    const big: [string, unknown][] = [
      ['a tree of shared parts', Array.from({ length: 60 }).reduce((part: unknown) => [part, part], 1)],
      [
        'a Map of shared parts',
        Array.from({ length: 60 }).reduce((part: unknown) => new Map([[part, part]]), new Map()),
      ],
      ['a huge array of holes', new Array(4_000_000_000)],
      ['a large array of holes', new Array(8_000_000)],
      ['a long text', 'x'.repeat(LIMIT * 9)],
      ['a long name', { ['x'.repeat(LIMIT * 9)]: 1 }],
      ['bytes', new Uint8Array(LIMIT * 9)],
      ['a huge integer', 1n << BigInt(LIMIT * 40)],
    ]
    for (const [name, value] of big) {
      const began = performance.now()
      expect(refusal(value), name).toBeInstanceOf(TooLargeError)
      expect(performance.now() - began, name).toBeLessThan(1_500)
    }
  })

  test('is at least about what it takes', () => {
    expect(inspect('x'.repeat(1_000), LIMIT).size).toBeGreaterThanOrEqual(1_000)
    expect(inspect({ ['x'.repeat(1_000)]: 1 }, LIMIT).size).toBeGreaterThanOrEqual(1_000)
    expect(inspect(new Uint8Array(1_000), LIMIT).size).toBeGreaterThanOrEqual(1_000)
    expect(
      inspect(
        Array.from({ length: 1_000 }, () => 1),
        LIMIT,
      ).size,
    ).toBeGreaterThanOrEqual(8_000)
    expect(inspect(1n << 80_000n, LIMIT).size).toBeGreaterThanOrEqual(10_000)
  })
})
