import { describe, expect, test } from 'vitest'
import type { Body, State, Value } from '../../src/drivers/driver.ts'
import { decodeEntry, type EntryHeader, encodeEntry, newId } from '../../src/entry.ts'
import { KeptBody, keptPacking } from '../../src/packing.ts'
import { Repeats } from '../../src/redis/repeats.ts'

const KEY = 'p::k'
const RULES = { serializer: undefined, maxValueBytes: 1_000 }
const HEADER: EntryHeader = {
  ...{ kind: 'value', id: newId(), createdAt: 0, softExpiresAt: 1, hardExpiresAt: 1, loadMs: 0 },
  ...{ encoding: 'json', optimistic: false, expired: false, version: '', stamps: [] },
}

function reply(text: string, id = newId(), header: Partial<EntryHeader> = {}): Buffer {
  return Buffer.from(encodeEntry({ ...HEADER, id, ...header }, text))
}

function decoded(bytes: Buffer): Value {
  const entry = decodeEntry(bytes)
  if (!entry) throw new Error('no entry')
  const { header, text, size } = entry
  return { kind: 'value', header, body: { encoding: header.encoding, data: text, size } }
}

/** As a driver reads: what is known, or what the bytes say. */
function read(repeats: Repeats, bytes: Buffer, key = KEY, body: Partial<Body> = {}): { state: State; known: boolean } {
  const known = repeats.find(key, bytes)
  if (known) return { state: known, known: true }
  const value = decoded(bytes)
  const state = { ...value, body: { ...value.body, ...body } }
  repeats.add(key, bytes, state)
  return { state, known: false }
}

const isKnown = (repeats: Repeats, bytes: Buffer, key?: string) => read(repeats, Buffer.from(bytes), key).known
const unpacked = (state: State) => keptPacking('clone').unpack((state as Value).body, RULES)

describe('repeats', () => {
  test('a value that comes once is not kept; from the third time on it is known', () => {
    const repeats = new Repeats()
    const bytes = reply('{"a":[1]}')
    expect([1, 2, 3, 4].map(() => isKnown(repeats, bytes))).toEqual([false, false, true, true])
  })

  test('everyone gets an object of their own', () => {
    const repeats = new Repeats()
    const bytes = reply('{"a":[1]}')
    for (let i = 0; i < 5; i++) {
      const value = unpacked(read(repeats, bytes).state) as { a: number[] }
      expect(value).toEqual({ a: [1] })
      value.a.push(2)
    }
  })

  test('other bytes are another value, even under the same id', () => {
    const repeats = new Repeats()
    const id = newId()
    for (let i = 0; i < 3; i++) isKnown(repeats, reply('{"a":1}', id))
    const other = reply('{"a":2}', id)
    expect(isKnown(repeats, other)).toBe(false)
    expect(unpacked(read(repeats, other).state)).toEqual({ a: 2 })
    // A header that was changed by an invalidation is not the one that is known either.
    expect(isKnown(repeats, reply('{"a":2}', id, { expired: true }))).toBe(false)
  })

  test('the same bytes at another key are known there only when they have come there', () => {
    const repeats = new Repeats()
    const bytes = reply('1')
    for (let i = 0; i < 3; i++) isKnown(repeats, bytes)
    expect(isKnown(repeats, bytes, 'p::other')).toBe(false)
  })

  test('all that comes in turns is kept in the end, as long as there is room for it', () => {
    const repeats = new Repeats()
    const entries = Array.from({ length: 900 }, (_, i) => [`p::item:${i}`, reply(`${i}`)] as const)
    for (let i = 0; i < 30; i++) for (const [key, bytes] of entries) isKnown(repeats, bytes, key)
    expect(entries.filter(([key, bytes]) => !isKnown(repeats, bytes, key))).toEqual([])
  })

  test('copies of one entry are told apart: each is kept when it has come twice itself', () => {
    const repeats = new Repeats()
    const bytes = reply('1')
    const keys = Array.from({ length: 50 }, (_, i) => `p::item:${i}`)
    for (const key of keys) isKnown(repeats, bytes, key)
    for (const key of keys) expect(isKnown(repeats, bytes, key)).toBe(false)
    expect(keys.filter((key) => isKnown(repeats, bytes, key)).length).toBeGreaterThan(40)
  })

  test('what a serializer of the user reads is never kept, nor what is cut short', () => {
    const repeats = new Repeats()
    const bytes = reply('1')
    for (const body of [{ encoding: 'custom' }, { data: undefined }] as const) {
      for (let i = 0; i < 4; i++) expect(read(repeats, bytes, KEY, body).known).toBe(false)
    }
  })

  test('what is no value is as it was found', () => {
    const repeats = new Repeats()
    const absent: State = { kind: 'absent' }
    repeats.add(KEY, null, absent)
    repeats.add(KEY, null, absent)
    expect(repeats.find(KEY, null)).toBeUndefined()
  })

  test('where more is hot than there is room for, little is kept to be thrown away again', () => {
    const repeats = new Repeats()
    // A third of these has room.
    const all = Array.from({ length: 160 }, (_, i) => ({ key: `p::${i}`, bytes: reply(`"${'x'.repeat(100_000)}"`) }))
    let found = 0
    let kept = 0
    for (let pass = 0; pass < 20; pass++) {
      for (const { key, bytes } of all) {
        const { known } = read(repeats, bytes, key)
        if (known) found++
        else if (repeats.find(key, bytes)) kept++
      }
    }
    expect(found).toBeGreaterThan(300)
    expect(kept).toBeLessThan(350)
  })

  test('what has been kept gives way to what comes in its place, and in time to what others ask for', () => {
    const repeats = new Repeats()
    const large = (mark: string) => reply(`"${mark.repeat(100_000)}"`)
    const first = Array.from({ length: 60 }, (_, i) => ({ key: `p::${i}`, bytes: large('x') }))
    for (const { key, bytes } of first) for (let i = 0; i < 2; i++) read(repeats, bytes, key)
    const at = first.find(({ key, bytes }) => repeats.find(key, bytes))?.key as string
    const changed = large('y')
    expect([1, 2, 3].map(() => isKnown(repeats, changed, at))).toEqual([false, false, true])
    const other = large('z')
    const times = Array.from({ length: 40 }, () => isKnown(repeats, other, 'p::other'))
    expect(times.indexOf(true)).toBeGreaterThan(2)
    expect(times.at(-1)).toBe(true)
  })

  test('holds no memory of the socket, and of many keys only some', () => {
    const repeats = new Repeats()
    const pool = Buffer.alloc(64_000)
    const all = Array.from({ length: 3_000 }, (_, i) => ({ key: `p::${i}`, bytes: reply(`"value ${i}"`) }))
    for (let pass = 0; pass < 3; pass++) {
      for (const { key, bytes } of all) {
        bytes.copy(pool, 100)
        read(repeats, pool.subarray(100, 100 + bytes.byteLength), key)
        read(repeats, pool.subarray(100, 100 + bytes.byteLength), key)
      }
    }
    pool.fill(0)
    const known = all.filter(({ key, bytes }) => repeats.find(key, bytes))
    expect(known.length).toBeGreaterThan(500)
    expect(known.length).toBeLessThanOrEqual(1_000)
    for (const { key, bytes } of known) {
      const body = repeats.find(key, bytes)?.body
      expect(body).toBeInstanceOf(KeptBody)
      expect(keptPacking('clone').unpack(body as Body, RULES)).toBe(`value ${key.slice(3)}`)
    }
  })
})
