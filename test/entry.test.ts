import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeEntry, type EntryHeader, encodeEntry, entryHead, HEAD_LENGTH, newId } from '../src/entry.ts'
import { wirePacking } from '../src/packing.ts'
import { expectSame } from './plain-data.ts'

const HEADER: EntryHeader = {
  kind: 'value',
  id: 'UVaVerQgpBNgy02S',
  createdAt: 1_795_250_995_314,
  softExpiresAt: 1_795_251_000_314,
  hardExpiresAt: 1_795_251_000_315,
  loadMs: 20,
  encoding: 'json',
  optimistic: false,
  expired: false,
  version: '',
  stamps: [],
}

const bytesOf = (entry: string | Buffer) => Buffer.from(entry as string)
const decode = (text: string) => decodeEntry(Buffer.from(text, 'latin1'))

const time = fc.integer({ min: 0, max: 9_999_999_999_999 })
const word = fc.string({ unit: fc.constantFrom(...'abz09:_-. 12'), maxLength: 12 })
const headers: fc.Arbitrary<EntryHeader> = fc
  .record({
    kind: fc.constantFrom('value', 'lease', 'pass'),
    id: fc.constant('').map(newId),
    createdAt: time,
    softExpiresAt: time,
    hardExpiresAt: time,
    loadMs: fc.integer({ min: 0, max: 99_999_999 }),
    encoding: fc.constantFrom('json', 'special', 'custom'),
    compression: fc.constantFrom(undefined, 'gzip', 'brotli', 'zstd'),
    optimistic: fc.boolean(),
    expired: fc.boolean(),
    version: word,
    stamps: fc.array(fc.tuple(word, word), { maxLength: 3 }),
  })
  .map((header) =>
    header.kind === 'value' ? header : { ...header, encoding: 'json', compression: undefined, expired: false },
  ) as fc.Arbitrary<EntryHeader>
const payloads = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
)

describe('an entry', () => {
  test('comes back as what it was', () => {
    fc.assert(
      fc.property(headers, payloads, (header, payload) => {
        const decoded = decodeEntry(bytesOf(encodeEntry(header, payload)))
        expect(decoded?.header).toEqual(header)
        expect(decoded?.payload.equals(bytesOf(payload))).toBe(true)
        expect(decoded?.intact).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })

  test('has its fields where docs/wire-format.md says', () => {
    fc.assert(
      fc.property(headers, payloads, (header, payload) => {
        const entry = bytesOf(encodeEntry(header, payload))
        const field = (at: number, length: number) => entry.toString('latin1', at, at + length)
        expect(field(0, 4)).toBe('cw1 ')
        expect(field(4, 1)).toBe({ lease: 'L', value: 'V', pass: 'P' }[header.kind])
        expect(field(6, 16)).toBe(header.id)
        expect(Number(field(23, 13))).toBe(header.createdAt)
        expect(Number(field(37, 13))).toBe(header.softExpiresAt)
        expect(Number(field(51, 13))).toBe(header.hardExpiresAt)
        expect(Number(field(65, 8))).toBe(header.loadMs)
        expect(field(74, 4)).toMatch(header.kind === 'value' ? /^[jxc][gbz-][o-][e-]$/ : /^--[o-]-$/)
        expect(field(75, 1)).toBe({ none: '-', gzip: 'g', brotli: 'b', zstd: 'z' }[header.compression ?? 'none'])
        expect(Number(field(79, 8))).toBe(bytesOf(payload).byteLength)
        expect(field(88, 99)).toMatch(`${header.version.length}:${header.version}`)
        for (const at of [5, 22, 36, 50, 64, 73, 78, 87]) expect(field(at, 1)).toBe(' ')
        expect(entry[entry.indexOf('\n') + 1]).toBe(bytesOf(payload)[0])
        expect(entry.toString('latin1', 0, HEAD_LENGTH)).toBe(entryHead(header.kind, header.id))
      }),
    )
  })

  test('is as the docs show it', () => {
    expect(encodeEntry({ ...HEADER, hardExpiresAt: HEADER.softExpiresAt }, '{"x":1}')).toBe(
      'cw1 V UVaVerQgpBNgy02S 1795250995314 1795251000314 1795251000314 00000020 j--- 00000007 0:\n{"x":1}',
    )
  })

  test('keeps its offsets for times and sizes out of bounds', () => {
    const odd = { ...HEADER, createdAt: -5, softExpiresAt: 1e15, hardExpiresAt: 1.6, loadMs: 1e12 }
    expect(decodeEntry(bytesOf(encodeEntry(odd, '')))?.header).toMatchObject({
      createdAt: 0,
      softExpiresAt: 9_999_999_999_999,
      hardExpiresAt: 2,
      loadMs: 99_999_999,
    })
  })

  test('ids are of 16 characters and not repeated', () => {
    const ids = Array.from({ length: 10_000 }, newId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(id).toMatch(/^[\w-]{16}$/)
  })
})

describe('what is no entry of this version', () => {
  const entry = encodeEntry({ ...HEADER, version: 'v1', stamps: [['org:1', 'abc']] }, '{"x":1}') as string
  const change = (at: number, text: string) => entry.slice(0, at) + text + entry.slice(at + text.length)

  test('cut short at any byte is nothing, or an entry that is not intact', () => {
    const header = entry.indexOf('\n')
    for (let length = 0; length < entry.length; length++) {
      const decoded = decode(entry.slice(0, length))
      if (length <= header) expect(decoded).toBeUndefined()
      else expect(decoded).toMatchObject({ intact: false, header: { id: HEADER.id } })
    }
    expect(decode(entry)?.intact).toBe(true)
    expect(decode(`${entry}x`)?.intact).toBe(false)
  })

  test.each<[string, string]>([
    ['nothing', ''],
    ['a number', '42'],
    ['text', 'hello'],
    ['lines', `${'x'.repeat(100)}\n${'y'.repeat(100)}`],
    ['a later format', change(0, 'cw2 ')],
    ['a format of ten', change(0, 'cw10')],
    ['an unknown kind', change(4, 'X')],
    ['an unknown encoding', change(74, 'z')],
    ['a later compression', change(75, 'q')],
    ['an unknown letter for leases', change(76, 'x')],
    ['a letter in the reserved place', change(77, 'x')],
    ['no digits in the time', change(23, 'abc')],
    ['spaces in the time', change(23, '   ')],
    ['a sign in the time', change(51, '-')],
    ['a hexadecimal time', change(37, '0x')],
    ['an exponent in the load time', change(65, '1e5')],
    ['no digits in the length', change(79, 'x')],
    ['no space between fields', change(36, '1')],
    ['an id with other characters', change(6, '*')],
  ])('%s', (_, text) => {
    expect(decode(text)).toBeUndefined()
  })

  test.each([
    '',
    '0',
    ':',
    '::',
    'x:',
    '5:ab',
    '-3:',
    '-1:',
    '-2:ab',
    '2:v1-3:',
    ' 1:a',
    '1e0:a',
    '0x1:a',
    '0:0:',
    '1:a1:b',
    '0:1:a0:1:b',
  ])('strings spelled %j', (list) => {
    expect(decode(`${entry.slice(0, 88)}${list}\n`)).toBeUndefined()
  })

  test('any change of a byte of the header is nothing, or still an entry', () => {
    fc.assert(
      fc.property(fc.nat(entry.length - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(entry)
        changed[at] = byte
        const decoded = decodeEntry(changed)
        if (decoded) expect(decoded.header.id).toHaveLength(16)
      }),
      { numRuns: 3_000 },
    )
  })

  test('garbage of any kind', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => decodeEntry(Buffer.from(bytes)) === undefined))
    expect(decodeEntry(Buffer.alloc(10_000_000))).toBeUndefined()
  })
})

describe('entries that were written by released versions', () => {
  // One a paragraph. What is here was written once and is never changed: stores are full of it.
  const samples = readFileSync(new URL('samples/cw1.txt', import.meta.url), 'utf8')
    .trimEnd()
    .split(/\n\n+/)
  const rules = { serializer: undefined, maxValueBytes: 1e6 }

  const read = (text = '') => {
    // Without a payload the line's own newline went into the gap between paragraphs.
    const decoded = decodeEntry(Buffer.from(text.includes('\n') ? text : `${text}\n`))
    if (!decoded) throw new Error(`cannot read ${text}`)
    const { header, payload, intact } = decoded
    expect(intact).toBe(true)
    return {
      header,
      payload,
      value: () => wirePacking.unpack({ encoding: header.encoding, data: payload, size: 0 }, rules),
    }
  }

  test('a value in JSON', () => {
    const { header, value } = read(samples[0])
    expect(header).toEqual({ ...HEADER, hardExpiresAt: HEADER.softExpiresAt })
    expect(value()).toEqual({ name: 'Zoë', visits: [1, 2.5, null, true] })
  })

  test('a value with a side table', () => {
    const { header, value } = read(samples[1])
    expect(header).toMatchObject({ kind: 'value', encoding: 'special', version: 'v2' })
    expectSame(value(), {
      date: new Date(0),
      never: new Date(Number.NaN),
      map: new Map<unknown, unknown>([['a', 10n ** 20n]]),
      set: new Set([1]),
      nothing: undefined,
      numbers: [Number.NaN, Infinity, -Infinity, -0],
      bytes: Buffer.from('hi'),
      floats: new Float32Array([1.5]),
      bare: Object.assign(Object.create(null), { a: 1 }),
      // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
      holes: [1, , 3],
    })
  })

  test('a value by a custom serializer', () => {
    const { header, payload } = read(samples[2])
    expect(header).toMatchObject({ kind: 'value', encoding: 'custom', version: '3' })
    expect(payload.toString()).toBe('<a/>')
  })

  test('a value with tags', () => {
    expect(read(samples[3]).header.stamps).toEqual([
      ['org:42', 'k3J9sQ0aZx1L8bVd'],
      ['all', 'm2N8rP7cYw4K5tGh'],
    ])
  })

  test('a lease, one over a pass marker, and a pass marker', () => {
    expect(read(samples[4]).header).toMatchObject({ kind: 'lease', optimistic: false, id: 'Yc0sD_5u-tRk2nQw' })
    expect(read(samples[5]).header).toMatchObject({ kind: 'lease', optimistic: true })
    expect(read(samples[6]).header).toMatchObject({ kind: 'pass' })
  })

  test('one that has expired for its stamps of two words, and is kept for staleIfError', () => {
    const { header } = read(samples[7])
    expect(header).toMatchObject({ expired: true, stamps: [['org:42', 'k3J9sQ0aZx1L8bVdm2N8rQ0aZx1L8bVd']] })
    expect(samples).toHaveLength(8)
  })
})
