import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Algorithm, Compression } from '../../src/compression.ts'
import { compressionFor, LEVELS, USUAL } from '../../src/compression.ts'
import type { Body, Draft, State, Value } from '../../src/drivers/driver.ts'
import { decodeEntry, type EntryHeader } from '../../src/entry.ts'
import { KeptBody, keptPacking, wirePacking } from '../../src/packing.ts'
import { compress, expandAll } from '../../src/redis/compress.ts'
import { expectSame } from '../plain-data.ts'

const MAX_BYTES = 1024 * 1024
const RULES = { serializer: undefined, maxValueBytes: MAX_BYTES }
const hasZstd = 'zstdCompress' in zlib
const algorithms = (Object.keys(LEVELS) as Algorithm[]).filter((one) => one !== 'zstd' || hasZstd)
const usual = (algorithm: Algorithm, above = 100): Compression => ({
  above,
  algorithm,
  level: LEVELS[algorithm][2],
})

const rows = (count: number) => Array.from({ length: count }, (_, id) => ({ id, name: `item number ${id}` }))
const draftOf = (body: Body, compression?: Compression): Draft => ({
  ...{ id: 'UVaVerQgpBNgy02S', body, compression, ttlMs: 1, keepMs: 1, loadMs: 0, version: '', stamps: [] },
})
const packed = (value: unknown, compression?: Compression) => draftOf(wirePacking.pack(value, RULES), compression)

const HEADER: EntryHeader = {
  ...{ kind: 'value', id: 'UVaVerQgpBNgy02S', createdAt: 0, softExpiresAt: 1, hardExpiresAt: 1, loadMs: 0 },
  ...{ encoding: 'json', optimistic: false, expired: false, version: '', stamps: [] },
}
const found = (compression: Algorithm | undefined, data: Buffer | undefined): Value => ({
  kind: 'value',
  header: { ...HEADER, compression },
  body: { encoding: 'json', data, size: data?.byteLength ?? 0 },
})
const expand = async (state: State, maxBytes = MAX_BYTES) => (await expandAll([state], maxBytes))[0] as Value

describe('what holds for a function', () => {
  const brotli = usual('brotli')
  const gzip = usual('gzip')
  test.each<[string, Parameters<typeof compressionFor>, Compression | undefined]>([
    ['nothing anywhere', [undefined, undefined], undefined],
    ['nothing, so the cache does', [undefined, brotli], brotli],
    ['true, as the cache does', [true, brotli], brotli],
    ['true, where the cache does not', [true, undefined], USUAL],
    ['false, although the cache does', [false, brotli], undefined],
    ['its own way', [gzip, brotli], gzip],
  ])('%s', (_, [own, ofCache], expected) => {
    expect(compressionFor(own, ofCache)).toBe(expected)
  })
})

describe.each(algorithms)('%s', (algorithm) => {
  test('makes a value smaller that comes back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { minLength: 20 }), async (value) => {
        const draft = packed(value, usual(algorithm, 0))
        const { data, compression } = await compress(draft)
        if (compression === undefined) expect(data).toBe(draft.body.data)
        else expect((data as Buffer).byteLength).toBeLessThan(draft.body.size)
        const bytes = Buffer.from(data as string)
        const { body } = await expand(found(compression, bytes))
        expect(String(body.data)).toBe(draft.body.data)
        expect(body.size).toBe(draft.body.size)
      }),
      { numRuns: 50 },
    )
  })

  test.each([1_000, 30_000, 900_000])('of %d bytes: text and bytes', async (size) => {
    const text = JSON.stringify(rows(size / 35))
    for (const data of [text, Buffer.from(text)]) {
      const sent = await compress(draftOf({ encoding: 'custom', data, size: text.length }, usual(algorithm)))
      expect(sent.compression).toBe(algorithm)
      expect(sent.data.length).toBeLessThan(text.length / 2)
      expect(String((await expand(found(algorithm, sent.data as Buffer))).body.data)).toBe(text)
    }
  })

  test('every level that can be named works', async () => {
    const [least, most] = LEVELS[algorithm]
    const draft = packed(rows(100))
    for (let level = least; level <= most; level++) {
      const sent = await compress({ ...draft, compression: { above: 0, algorithm, level } })
      expect(sent.compression).toBe(algorithm)
      expect(String((await expand(found(algorithm, sent.data as Buffer))).body.data)).toBe(draft.body.data)
    }
  })

  test('what does not become smaller goes as it is', async () => {
    const noise = randomBytes(20_000)
    const draft = draftOf({ encoding: 'custom', data: noise, size: noise.byteLength }, usual(algorithm))
    expect(await compress(draft)).toEqual({ data: noise })
  })

  test('a value that expands beyond maxValueBytes is unreadable, and costs no more memory than that', async () => {
    // 200 MB in some 200 kB, or much less: that is expanded in the thread pool; and 20 MB, at once.
    for (const size of [200_000_000, 20_000_000]) {
      const bomb = await bombOf(algorithm, size)
      const before = process.memoryUsage().arrayBuffers
      const { body } = await expand(found(algorithm, bomb))
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000)
      expect(body).toMatchObject({ data: undefined, flaw: 'it expands to more than maxValueBytes (1048576)' })
      const why = 'cannot be read: it expands to more than maxValueBytes'
      expect(() => wirePacking.unpack(body, RULES)).toThrow(why)
      expect(() => keptPacking('clone').unpack(new KeptBody(body), RULES)).toThrow(why)
    }
  })

  test('one that expands to maxValueBytes is fine', async () => {
    const exact = await bombOf(algorithm, 50_000)
    expect((await expand(found(algorithm, exact), 50_000)).body.size).toBe(50_000)
    expect((await expand(found(algorithm, exact), 49_999)).body.data).toBeUndefined()
  })

  test('cut short anywhere it is unreadable, or expands to less', async () => {
    const draft = packed(rows(100), usual(algorithm))
    const whole = (await compress(draft)).data as Buffer
    for (let length = 0; length < whole.byteLength; length++) {
      const { body } = await expand(found(algorithm, whole.subarray(0, length)))
      if (body.data !== undefined) expect(body.size).toBeLessThanOrEqual(draft.body.size)
    }
  })

  test('no bytes whatever do more than not to be readable', async () => {
    const whole = (await compress(packed(rows(100), usual(algorithm)))).data as Buffer
    const changed = fc
      .tuple(fc.nat(whole.byteLength - 1), fc.uint8Array({ minLength: 1, maxLength: 20 }))
      .map(([at, bytes]) => Buffer.concat([whole.subarray(0, at), bytes, whole.subarray(at + bytes.length)]))
    const garbage = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
    const large = fc.uint8Array({ minLength: 40_000, maxLength: 50_000 }).map((bytes) => Buffer.from(bytes))
    await fc.assert(
      fc.asyncProperty(
        fc.oneof({ weight: 10, arbitrary: changed }, { weight: 10, arbitrary: garbage }, large),
        async (payload) => {
          const { body, header } = await expand(found(algorithm, payload), 100_000)
          expect(header.id).toBe(HEADER.id)
          if (body.data === undefined)
            expect(body.flaw).toMatch(/^it expands to more than|^its compression is corrupt$/)
          else expect((body.data as Buffer).byteLength).toBeLessThanOrEqual(100_000)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('a hundred at once wait for each other, and come back in order', async () => {
    const many = Array.from({ length: 100 }, () => randomBytes(50_000).toString('hex'))
    const sent = await Promise.all(many.map((value) => compress(packed(value, usual(algorithm)))))
    const states = sent.map(({ data }) => found(algorithm, data as Buffer))
    // Large enough for the thread pool.
    for (const { body } of states) expect(body.size).toBeGreaterThan(40_000)
    const bodies = (await expandAll(states, MAX_BYTES)).map((state) => wirePacking.unpack((state as Value).body, RULES))
    expect(bodies).toEqual(many)
  })
})

test('a value that is not to be compressed, or not above the threshold, is sent at once', () => {
  const draft = packed(rows(100))
  expect(compress(draft)).toEqual({ data: draft.body.data })
  const { size } = draft.body
  expect(compress({ ...draft, compression: usual('gzip', size) })).toEqual({ data: draft.body.data })
  expect(compress({ ...draft, compression: usual('gzip', size - 1) })).toBeInstanceOf(Promise)
})

test('without a compressed value among them, states are handed on as they are', async () => {
  const plain: State[] = [{ kind: 'absent' }, found(undefined, Buffer.from('1')), { kind: 'foreign' }]
  expect(expandAll(plain, MAX_BYTES)).toBe(plain)
  // Cut short: there is nothing to expand.
  const cut = [found('gzip', undefined)]
  expect(expandAll(cut, MAX_BYTES)).toBe(cut)
})

describe('the thread pool', () => {
  /** Looks in on what zlib is asked for, and how much of it at a time. */
  const watchZlib = (name: 'gzip' | 'gunzip') => {
    const seen = { calls: 0, most: 0 }
    let running = 0
    const original = zlib[name] as (...args: unknown[]) => unknown
    const watched = (data: unknown, options: unknown, done: (...outcome: unknown[]) => void) => {
      seen.calls++
      seen.most = Math.max(seen.most, ++running)
      return original(data, options, (...outcome: unknown[]) => {
        running--
        done(...outcome)
      })
    }
    Object.assign(zlib, { [name]: watched })
    onTestFinished(() => {
      Object.assign(zlib, { [name]: original })
      syncBuiltinESMExports()
    })
    syncBuiltinESMExports()
    return seen
  }
  const compressible = (bytes: number) => `${'x'.repeat(bytes)}${randomBytes(bytes / 2).toString('hex')}`

  test('is given two values to compress at a time', async () => {
    const seen = watchZlib('gzip')
    await Promise.all(Array.from({ length: 30 }, () => compress(packed(compressible(50_000), usual('gzip')))))
    expect(seen).toEqual({ calls: 30, most: 2 })
  })

  test('is given two values to expand at a time, and none that is small', async () => {
    const large = Array.from({ length: 30 }, () => found('gzip', zlib.gzipSync(compressible(80_000))))
    const small = found('gzip', zlib.gzipSync(compressible(1_000)))
    const seen = watchZlib('gunzip')
    await expandAll([small, ...large, small], MAX_BYTES)
    expect(seen).toEqual({ calls: 30, most: 2 })
    for (let i = 0; i < 100; i++) await expand(small)
    expect(seen.calls).toBe(30)
  })

  test('is given what is small as well, where there is much of it in one read', async () => {
    const small = Array.from({ length: 50 }, () => found('gzip', zlib.gzipSync(compressible(20_000))))
    const bytes = small.reduce((sum, { body }) => sum + body.size, 0)
    const seen = watchZlib('gunzip')
    const states = await expandAll(small, MAX_BYTES)
    expect(states.map((state) => (state as Value).body.size)).toEqual(small.map(() => 40_000))
    const share = seen.calls / small.length
    expect(share).toBeGreaterThanOrEqual(1 - (256 * 1024) / bytes)
    expect(share).toBeLessThan(1)
  })
})

test('neighbours of a value that cannot be expanded are not concerned', async () => {
  const good = found('gzip', zlib.gzipSync('"good"'))
  const plain = found(undefined, Buffer.from('"plain"'))
  const states = await expandAll([good, found('gzip', Buffer.from('bad')), plain, { kind: 'absent' }], MAX_BYTES)
  expect(states.map((state) => (state.kind === 'value' ? state.body.data?.toString() : state.kind))).toEqual([
    '"good"',
    undefined,
    '"plain"',
    'absent',
  ])
  expect(states[2]).toBe(plain)
})

test.runIf(!hasZstd)(
  'zstd, where this version of Node has none: sent as it is, and unreadable when found',
  async () => {
    const draft = packed(rows(100), usual('zstd'))
    expect(await compress(draft)).toEqual({ data: draft.body.data })
    const { body } = await expand(found('zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0])))
    expect(body).toMatchObject({
      data: undefined,
      flaw: 'it is compressed with zstd, which this version of Node does not have',
    })
  },
)

describe('entries that were written by released versions', () => {
  // One a line, in base64. What is here was written once and is never changed: stores are full of it.
  const samples = readFileSync(new URL('../samples/cw1-compressed.txt', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
  const read = async (text = '') => {
    const entry = decodeEntry(Buffer.from(text, 'base64'))
    if (!entry) throw new Error(`cannot read ${text}`)
    expect(entry.intact).toBe(true)
    const { header, payload } = entry
    const { body } = await expand({
      kind: 'value',
      header,
      body: { encoding: header.encoding, data: payload, size: payload.byteLength },
    })
    return { header, body }
  }

  test('JSON in gzip', async () => {
    const { header, body } = await read(samples[0])
    expect(header).toMatchObject({ kind: 'value', encoding: 'json', compression: 'gzip' })
    expect(wirePacking.unpack(body, RULES)).toEqual(rows(40))
  })

  test('JSON with a side table in brotli', async () => {
    const { header, body } = await read(samples[1])
    expect(header).toMatchObject({ encoding: 'special', compression: 'brotli', version: 'v2' })
    expectSame(wirePacking.unpack(body, RULES), { at: new Date(0), tags: new Set(['a', 'b']) })
  })

  test('JSON in zstd, with a tag', async () => {
    const { header, body } = await read(samples[2])
    expect(header).toMatchObject({ compression: 'zstd', stamps: [['org:42', 'k3J9sQ0aZx1L8bVd']] })
    if (hasZstd) expect(wirePacking.unpack(body, RULES)).toEqual(rows(40))
    else expect(body.flaw).toContain('zstd')
  })

  test('by a custom serializer in gzip, expired', async () => {
    const { header, body } = await read(samples[3])
    expect(header).toMatchObject({ encoding: 'custom', compression: 'gzip', expired: true, version: '3' })
    expect(String(body.data)).toBe(`<a>${'x'.repeat(200)}</a>`)
    expect(samples).toHaveLength(4)
  })
})

/** So many spaces, as a stream, without ever having them in one piece. */
async function bombOf(algorithm: Algorithm, size: number): Promise<Buffer> {
  const all = zlib as unknown as Record<string, (options: object) => zlib.Gzip>
  const stream = all[{ gzip: 'createGzip', brotli: 'createBrotliCompress', zstd: 'createZstdCompress' }[algorithm]]?.(
    algorithm === 'brotli' ? { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 2 } } : {},
  )
  if (!stream) throw new Error(`no ${algorithm}`)
  const parts: Buffer[] = []
  stream.on('data', (part: Buffer) => parts.push(part))
  const ended = new Promise((resolve) => stream.once('end', resolve))
  for (let left = size; left > 0; left -= 1_000_000) {
    if (!stream.write(Buffer.alloc(Math.min(left, 1_000_000), ' '))) {
      await new Promise((resolve) => stream.once('drain', resolve))
    }
  }
  stream.end()
  await ended
  return Buffer.concat(parts)
}
