import { inspect, isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'

/** Strings that look like other values, or like the punctuation of keys, patterns and formats. */
export const HOSTILE = [
  '',
  "'",
  "''",
  '1',
  '-0',
  '0',
  '1.5',
  '1e21',
  '1e+21',
  '10n',
  'NaN',
  'Infinity',
  '-Infinity',
  'null',
  'undefined',
  'true',
  'false',
  ':',
  'a:b',
  'a',
  'b',
  ',',
  '(',
  ')',
  '()',
  '(=)',
  '(a=1)',
  'a=1',
  '=',
  '!',
  '~',
  '%',
  '%3A',
  '%u',
  '%ud800',
  'date(0)',
  'map()',
  'set(1)',
  'symbol(a)',
  'secret(x)',
  '*',
  '?',
  '[a]',
  '\\',
  '^',
  '{0}',
  ' ',
  '\n',
  '\0',
  '\x7f',
  '"',
  '`',
  'é',
  'e\u0301',
  '日本',
  '😀',
  '\ud83d',
  '\ude00',
  '\ud800',
  '\udc00',
  '__proto__',
  'constructor',
  'toString',
  'length',
] as const

export const hostileString = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...HOSTILE) },
  fc.string({ maxLength: 6 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  // Also halves of surrogate pairs.
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 4 }).map((units) => String.fromCharCode(...units)),
)

const primitive = fc.oneof(
  hostileString,
  fc.constantFrom<unknown>(0, -0, 1, 1.5, 1e21, 1e-7, Number.NaN, Infinity, -Infinity, true, false, null, undefined),
  fc.integer({ min: -3, max: 3 }),
  fc.double(),
  fc.bigInt({ min: -3n, max: 10n }),
  fc.bigInt(),
)

const bytes = fc
  .tuple(
    fc.constantFrom(
      (buffer: ArrayBuffer): object => buffer,
      (buffer: ArrayBuffer) => Buffer.from(buffer),
      (buffer: ArrayBuffer) => Buffer.from(buffer).subarray(1, 5),
      (buffer: ArrayBuffer) => new DataView(buffer, 2, 3),
      ...[
        Uint8Array,
        Uint8ClampedArray,
        Int8Array,
        Uint16Array,
        Int16Array,
        Uint32Array,
        Int32Array,
        Float32Array,
        Float64Array,
        BigInt64Array,
        BigUint64Array,
      ].map((Type) => (buffer: ArrayBuffer) => new Type(buffer)),
    ),
    fc.uint8Array({ minLength: 8, maxLength: 8 }),
  )
  .map(([make, content]) => make(content.slice().buffer as ArrayBuffer))

/** Assigning would set the prototype for `__proto__`. */
function record(entries: readonly (readonly [string, unknown])[], target: object): object {
  for (const [name, value] of entries) {
    Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true })
  }
  return target
}

/** Everything that can be stored and comes back as what it was. */
export const plainData = fc.letrec<{ value: unknown }>((tie) => {
  const fields = fc.array(fc.tuple(hostileString, tie('value')), { maxLength: 4 })
  const items = fc.array(tie('value'), { maxLength: 4 })
  return {
    value: fc.oneof(
      { maxDepth: 4, depthSize: 'small', withCrossShrink: true },
      primitive,
      fc.date({ noInvalidDate: false }),
      bytes,
      items,
      fields.map((entries) => record(entries, {})),
      fields.map((entries) => record(entries, Object.create(null))),
      fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
      items.map((members) => new Set(members)),
      fc.sparseArray(tie('value'), { maxLength: 6, maxNumElements: 4 }),
    ),
  }
}).value

/** What keys can be made of, beyond plain data. */
export const keyable = fc.oneof(
  { weight: 6, arbitrary: plainData },
  {
    weight: 3,
    arbitrary: fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withObjectString: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      maxDepth: 3,
    }),
  },
  fc.constantFrom('a', '', 'a:b', '1').map((name) => Symbol.for(name)),
  fc
    .tuple(fc.constantFrom('a', 'a,g', ','), fc.constantFrom('', 'g', 'gi'))
    .map(([text, flags]) => new RegExp(text, flags)),
)

/** Deep and strict equality, prototypes included, for which two invalid dates are equal. */
export function expectSame(actual: unknown, expected: unknown): void {
  if (same(actual, expected)) return
  throw new Error(`expected ${inspect(expected, { depth: 9 })}, got ${inspect(actual, { depth: 9 })}`)
}

export function same(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(withoutInvalidDates(a), withoutInvalidDates(b))
}

const INVALID = new Date(8.64e15)

function withoutInvalidDates(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? INVALID : value
  if (value instanceof Map) {
    return new Map([...value].map(([key, item]) => [withoutInvalidDates(key), withoutInvalidDates(item)]))
  }
  if (value instanceof Set) return new Set([...value].map(withoutInvalidDates))
  if (Array.isArray(value)) {
    const copied = new Array(value.length)
    for (const i of Object.keys(value)) copied[Number(i)] = withoutInvalidDates(value[Number(i)])
    return copied
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const entries = Object.entries(value).map(([name, item]) => [name, withoutInvalidDates(item)] as const)
  return record(entries, Object.create(prototype))
}
