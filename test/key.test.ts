import { randomUUID } from 'node:crypto'
import { runInNewContext } from 'node:vm'
import { createCache } from 'cachewell'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UnkeyableError } from '../src/errors.ts'
import { encodeArguments, encodePart, MAX_KEY_LENGTH, percent, secret, shorten, spelledKey } from '../src/key.ts'
import { keyOf } from '../src/key-plan.ts'
import { HOSTILE, hostileString, keyable, same } from './plain-data.ts'

const CANONICAL = /^[!-~]*$/
const GLOB_OR_BRACE = /[*?[\]\\^{}]/

function trimmed(args: readonly unknown[]): readonly unknown[] {
  let length = args.length
  while (length > 0 && args[length - 1] === undefined) length--
  return args.slice(0, length)
}

/** The same data built anew, in another order wherever order tells nothing apart. */
function rebuilt(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Map) return new Map([...value].reverse().map(([key, item]) => [rebuilt(key), rebuilt(item)]))
  if (value instanceof Set) return new Set([...value].reverse().map(rebuilt))
  if (Array.isArray(value)) {
    const copied = new Array(value.length)
    for (const i of Object.keys(value).reverse()) copied[Number(i)] = rebuilt(value[Number(i)])
    return copied
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Date)
      return structuredCloneOf(value)
    return value
  }
  const copied = Object.create(prototype)
  for (const name of Object.keys(value).reverse()) {
    const item = rebuilt((value as Record<string, unknown>)[name])
    Object.defineProperty(copied, name, { value: item, writable: true, enumerable: true, configurable: true })
  }
  return copied
}

function structuredCloneOf(value: object): unknown {
  return Buffer.isBuffer(value) ? Buffer.from(value) : structuredClone(value)
}

describe('canonical keys', () => {
  const calls = fc.array(keyable, { maxLength: 3 })

  test('distinct argument lists never share a key', () => {
    fc.assert(
      fc.property(fc.array(calls, { minLength: 2, maxLength: 30 }), (lists) => {
        const byKey = new Map<string, readonly unknown[]>()
        for (const list of lists) {
          const known = byKey.get(encodeArguments(list))
          if (known && !same(trimmed(known), trimmed(list))) throw new Error(`both are ${encodeArguments(list)}`)
          byKey.set(encodeArguments(list), list)
        }
      }),
      { numRuns: 1_500 },
    )
  })

  test('the hostile strings, and what they look like, all differ, alone and in every kind of nesting', () => {
    const others = [0, -0, 1, 1.5, 1e21, 10n, NaN, Infinity, -Infinity, null, true, false, Symbol.for('a'), new Date(0)]
    const plain: unknown[] = [...HOSTILE, ...others, undefined, [], {}, new Map(), new Set([1]), new Date(NaN)]
    const wraps: ((value: unknown) => unknown)[] = [
      (value) => value,
      (value) => [value],
      (value) => [value, value],
      (value) => [[value]],
      (value) => ({ a: value }),
      (value) => ({ [String(value as string)]: 1 }),
      (value) => Object.assign(Object.create(null), { a: value }),
      (value) => new Map([[value, 1]]),
      (value) => new Map([['a', value]]),
      (value) => new Set([value]),
      (value) => (typeof value === 'string' ? new RegExp(value.replace(/\W/g, '.')) : [value, 'x']),
    ]
    const keys = new Map<string, unknown>()
    for (const value of plain) {
      for (const wrap of wraps) {
        const wrapped = wrap(value)
        const key = encodePart(wrapped, '')
        if (keys.has(key)) expect(same(keys.get(key), wrapped), key).toBe(true)
        keys.set(key, wrapped)
      }
    }
    expect(new Set(plain.map((value) => encodePart(value, ''))).size).toBe(plain.length)
  })

  test('equal argument lists always share a key, in whatever order they were built', () => {
    fc.assert(
      fc.property(calls, (list) => {
        const again = rebuilt(list) as unknown[]
        expect(same(again, list)).toBe(true)
        expect(encodeArguments(again)).toBe(encodeArguments(list))
        expect(encodeArguments([...list, undefined, undefined])).toBe(encodeArguments(list))
      }),
      { numRuns: 2_000 },
    )
  })

  test('hold no glob characters, spaces, braces or control characters, and pass through spelledKey unchanged', () => {
    fc.assert(
      fc.property(calls, (list) => {
        const key = shorten(`head${encodeArguments(list)}`)
        expect(key).toMatch(CANONICAL)
        expect(key).not.toMatch(GLOB_OR_BRACE)
        expect(spelledKey(key)).toBe(key)
        expect(key.length).toBeLessThanOrEqual(MAX_KEY_LENGTH)
      }),
      { numRuns: 1_000 },
    )
  })

  test('an argument never reaches into the next one', () => {
    fc.assert(
      fc.property(fc.array(hostileString, { maxLength: 4 }), (parts) => {
        const key = encodeArguments(parts)
        expect(key.split(':')).toHaveLength(key === '' ? 1 : parts.length + 1)
      }),
    )
  })

  test('reads as it was meant to', () => {
    const cases: [unknown, string][] = [
      ['2026-01-01', '2026-01-01'],
      [30, '30'],
      ['30', "'30"],
      ['', "'"],
      [-0, '-0'],
      [10n, '10n'],
      ['a b', 'a%20b'],
      ['é', '%C3%A9'],
      ['\ud800', '%ud800'],
      [{ b: 1, a: [1, '1'] }, "(a=(1,'1),b=1)"],
      [Object.assign(Object.create(null), { a: 1 }), 'null(a=1)'],
      // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
      [[1, , undefined], '(1,!,undefined)'],
      [[], '()'],
      [{}, '(=)'],
      [new Date(5), 'date(5)'],
      [
        new Map([
          ['b', 1],
          ['a', 2],
        ] as const),
        'map(a=2,b=1)',
      ],
      [new Set(['b', 'a']), 'set(a,b)'],
      [Buffer.from('hi'), 'Buffer(aGk)'],
      [new Uint8Array([104, 105]), 'Uint8Array(aGk)'],
      [/a/gi, 'regexp(a,gi,0)'],
      [new URL('http://x/a?b'), 'url(http%3A//x/a%3Fb)'],
      [Object('1'), "boxed('1)"],
      [Symbol.for('a'), 'symbol(a)'],
    ]
    for (const [value, key] of cases) expect(encodePart(value, '')).toBe(key)
  })

  test('tell apart URLs, regular expressions by flags and lastIndex, and byte containers by type', () => {
    const stepped = /a/g
    stepped.lastIndex = 1
    const values = [
      new URL('http://x/a'),
      new URL('http://x/b'),
      'http://x/a',
      /a/,
      /a/g,
      stepped,
      ...[Uint8Array, Int8Array, Uint8ClampedArray, Uint16Array, Float32Array].map((Type) => new Type(8)),
      Buffer.alloc(8),
      new ArrayBuffer(8),
      new DataView(new ArrayBuffer(8)),
    ]
    expect(new Set(values.map((value) => encodePart(value, ''))).size).toBe(values.length)
  })

  test('200,000 realistic ids have 200,000 keys', () => {
    const keys = new Set<string>()
    for (let i = 0; i < 40_000; i++) {
      keys.add(encodeArguments([i]))
      keys.add(encodeArguments([`${i}`]))
      keys.add(encodeArguments([randomUUID()]))
      keys.add(encodeArguments([`user${i}@example.com`, { page: i % 7, tenant: `t${i}` }]))
      keys.add(shorten(encodeArguments([`${'x'.repeat(250)}${i}`])))
    }
    expect(keys.size).toBe(200_000)
  })

  test('objects of another realm are what they are here', () => {
    const foreign = runInNewContext(
      '[{ b: 1, a: [2] }, [1,,2], new Date(5), new Map([[1, 2]]), new Set([1]), new Uint8Array([1]), /a/g, Object(1)]',
    ) as unknown[]
    const own = [
      { a: [2], b: 1 },
      // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
      [1, , 2],
      new Date(5),
      new Map([[1, 2]]),
      new Set([1]),
      new Uint8Array([1]),
      /a/g,
      Object(1),
    ]
    foreign.forEach((value, i) => {
      expect(encodePart(value, '')).toBe(encodePart(own[i], ''))
    })
  })
})

describe('long keys', () => {
  test('keep a readable head and end in a digest of the whole', () => {
    const at = 'a'.repeat(MAX_KEY_LENGTH)
    expect(shorten(at)).toBe(at)
    const [one, other] = [shorten(`${at}1`), shorten(`${at}2`)]
    expect(one).toMatch(/^a{120}~[\w-]{43}$/)
    expect(one).not.toBe(other)
    expect(spelledKey(one)).toBe(one)
  })

  test('no data can spell the end of a shortened key', () => {
    const long = shorten(`a${encodeArguments(['x'.repeat(300)])}`)
    expect(encodeArguments([long.slice(2)])).not.toContain('~')
  })

  test('a very long argument takes little time', () => {
    const began = performance.now()
    expect(shorten(encodeArguments(['é:'.repeat(1_000_000)]))).toHaveLength(164)
    expect(performance.now() - began).toBeLessThan(4_000)
  })
})

describe('spelled keys', () => {
  test('escape only what is not safe, and stay as they are when spelled again', () => {
    expect(spelledKey('user:1:{a} *')).toBe('user:1:%7Ba%7D%20%2A')
    fc.assert(
      fc.property(hostileString, (text) => {
        const key = spelledKey(text)
        expect(key).toMatch(CANONICAL)
        expect(key).not.toMatch(GLOB_OR_BRACE)
        expect(spelledKey(key)).toBe(key)
      }),
    )
  })

  test('a run of characters is what each of them is', () => {
    const characters = [
      'é',
      '\u{1f600}',
      ' ',
      "'",
      '!',
      '~',
      '*',
      '(',
      ')',
      '%',
      '\n',
      '\u0000',
      'ß',
      '\ud800',
      '\udc00',
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...characters), { maxLength: 12 }), (some) => {
        const text = some.join('')
        expect(encodePart(`a${text}b`, 'x')).toBe(`a${Array.from(text, percent).join('')}b`)
      }),
    )
  })

  test('halves of surrogate pairs do not meet', () => {
    expect(new Set(['\ud800', '\ud801', '\udc00', '\ud83d\ude00', '\ufffd'].map(percent)).size).toBe(5)
  })
})

describe('secret', () => {
  test('shows nothing of the value, and tells values apart as keys do', () => {
    expect(encodePart(secret('hunter2'), '')).toMatch(/^secret\([\w-]{43}\)$/)
    expect(`${secret('hunter2')}`).not.toContain('hunter2')
    expect(JSON.stringify({ token: secret('hunter2') })).not.toContain('hunter2')
    expect(`${secret(1)}`).not.toBe(`${secret('1')}`)
    expect(`${secret({ a: 1, b: 2 })}`).toBe(`${secret({ b: 2, a: 1 })}`)
    expect(encodePart(`${secret('a')}`, '')).not.toBe(encodePart(secret('a'), ''))
  })

  test('of nothing is refused: all calls without a token would share an entry', () => {
    expect(() => secret(undefined)).toThrow(UnkeyableError)
    expect(() => keyOf(['session', secret(null)], 'key')).toThrow('what was given to secret() is null')
  })
})

class Plain {
  id = 1
}

const cycle: unknown[] = []
cycle.push({ cycle })
const handler = { get: fail, ownKeys: fail, getPrototypeOf: fail, has: fail, getOwnPropertyDescriptor: fail }
function fail(): never {
  throw new Error('this proxy throws')
}

/** Everything that no key may be made of. */
const UNKEYABLE: [string, unknown][] = [
  ['a function', () => {}],
  ['a class', Plain],
  ['a WeakMap', new WeakMap()],
  ['a WeakSet', new WeakSet()],
  ['a WeakRef', new WeakRef({})],
  ['a promise', Promise.resolve(1)],
  ['an error', new Error('x')],
  ['a symbol of its own', Symbol('x')],
  ['a well-known symbol', Symbol.iterator],
  ['a boxed symbol', Object(Symbol.for('a'))],
  ['a class instance', new Plain()],
  ['a subclass of Map', new (class extends Map {})()],
  ['a subclass of Array', new (class extends Array {})()],
  ['a class that is called Map', new { Map: class {} }.Map()],
  ['an object that inherits', Object.create({ id: 1 })],
  ['a cycle', cycle],
  ['a generator', (function* () {})()],
  ['shared memory', new SharedArrayBuffer(8)],
  ['a response', new Response('x')],
  ['an abort signal', new AbortController().signal],
  ['an object with a symbol property', { [Symbol.for('a')]: 1 }],
  ['an array with a named property', Object.assign([1], { id: 1 })],
  ['a Map with a property of its own', Object.assign(new Map(), { id: 1 })],
  ['a Date with a property of its own', Object.assign(new Date(0), { id: 1 })],
  ['a RegExp with a property of its own', Object.assign(/a/, { id: 1 })],
  ['a boxed string with a property of its own', Object.assign(Object('a'), { id: 1 })],
]

/** These throw what they throw; whoever asks for a key has to catch it. */
const THROWING: [string, unknown][] = [
  ['a proxy that throws', new Proxy({}, handler)],
  ['a proxy around an array that throws', new Proxy([], handler)],
  ['a proxy of a Date', new Proxy(new Date(), {})],
  ['a revoked proxy', revoked()],
  [
    'a getter that throws',
    {
      get id() {
        return fail()
      },
    },
  ],
  ['something with the prototype of Date', Object.create(Date.prototype)],
  ['something with the prototype of Map', Object.create(Map.prototype)],
  ['something with the prototype of Uint8Array', Object.create(Uint8Array.prototype)],
  ['something with the prototype of ArrayBuffer', Object.create(ArrayBuffer.prototype)],
  ['something with the prototype of URL', Object.create(URL.prototype)],
  ['something with the prototype of RegExp', Object.create(RegExp.prototype)],
  ['something with the prototype of Number', Object.create(Number.prototype)],
  ['a list that is nested 100,000 deep', Array.from({ length: 100_000 }).reduce((list: unknown) => [list], [])],
]

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

describe('what cannot be keyed', () => {
  test.each(UNKEYABLE)('%s is refused, nested too', (_, value) => {
    expect(() => encodePart(value, 'argument 0')).toThrow(UnkeyableError)
    expect(() => encodePart([{ deep: value }], 'argument 0')).toThrow(/^argument 0\[0\]\.deep/)
    expect(() => encodePart(new Map([['a', value]]), 'argument 0')).toThrow('argument 0 (in a map)')
    expect(() => encodePart(new Set([value]), 'argument 0')).toThrow('argument 0 (in a set)')
  })

  test.each(THROWING)('%s throws', (_, value) => {
    expect(() => encodePart(value, 'argument 0')).toThrow()
  })

  test.each([...UNKEYABLE, ...THROWING])('a call with %s is not cached, and works', async (_, value) => {
    const cache = createCache({ url: 'memory:', logger: false })
    const events: string[] = []
    cache.on((event) => events.push(event.type === 'bypass' ? `bypass ${event.reason}` : event.type))
    let calls = 0
    const load = cache.cached(async (_given: unknown) => ++calls, { key: 'load', ttl: '1m' })
    expect(await load(value)).toBe(1)
    expect(await load(value)).toBe(2)
    expect(load.keyFor(value)).toBeUndefined()
    expect(events.filter((event) => event !== 'notice')).toEqual(['bypass unkeyable', 'bypass unkeyable'])
    await cache.close()
  })

  test('an array that is repeated, not cyclic, is fine', () => {
    const shared = [1]
    expect(encodePart([shared, shared], '')).toBe('((1),(1))')
  })

  test.each([
    ['a tree of shared parts', Array.from({ length: 40 }).reduce((part: unknown) => [part, part], 1)],
    ['an array of nothing but holes', new Array(4_000_000_000)],
  ])('%s is refused before it takes long', (_, value) => {
    const began = performance.now()
    expect(() => encodePart(value, 'argument 0')).toThrow(UnkeyableError)
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})
