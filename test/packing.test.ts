import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Body } from '../src/drivers/driver.ts'
import { CacheTroubleError } from '../src/errors.ts'
import { KeptBody, keptPacking, livePacking, type PackRules, type Serializer, wirePacking } from '../src/packing.ts'
import { TooLargeError, UnstorableError } from '../src/storable.ts'
import { expectSame, plainData } from './plain-data.ts'

const rules = (serializer?: Serializer, maxValueBytes = 1024 * 1024): PackRules => ({ serializer, maxValueBytes })
/** What comes back from Redis. */
const received = (body: Body): Body => ({ ...body, data: Buffer.from(body.data as string) })

const packings = [
  ['wire', wirePacking, received],
  ['kept', keptPacking('clone'), (body: Body) => new KeptBody(received(body))],
  ['live, clone', livePacking('clone'), (body: Body) => body],
  ['live, freeze', livePacking('freeze'), (body: Body) => body],
] as const

describe.each(packings)('%s', (_, packing, travel) => {
  test('gives back what was packed', () => {
    fc.assert(
      fc.property(plainData, (value) => {
        const body = travel(packing.pack(value, rules()))
        expectSame(packing.unpack(body, rules()), value)
        expectSame(packing.unpack(body, rules()), value)
      }),
      { numRuns: 1_000 },
    )
  })

  test('what is done to the original, or to what was given back, does not show', () => {
    const value = { list: [1], date: new Date(1), map: new Map([['a', { b: 1 }]]), bytes: new Uint8Array([1]) }
    const body = travel(packing.pack(value, rules()))
    const spoil = (given: typeof value) => {
      try {
        given.list.push(2)
      } catch {}
      try {
        ;(given.map.get('a') as { b: number }).b = 2
      } catch {}
      return given
    }
    spoil(value)
    spoil(packing.unpack(body, rules()) as typeof value)
    const again = packing.unpack(body, rules()) as typeof value
    expect(again.list).toEqual([1])
    expect(again.map.get('a')).toEqual({ b: 1 })
  })

  test('refuses what cannot be stored, and what is too large', () => {
    expect(() => packing.pack({ a: () => {} }, rules())).toThrow(UnstorableError)
    expect(() => packing.pack('x'.repeat(2_000), rules(undefined, 1_000))).toThrow(TooLargeError)
    expect(() => packing.pack('é'.repeat(10_000), rules(undefined, 10_000))).toThrow(TooLargeError)
  })

  const json: Serializer = { serialize: (value) => JSON.stringify(value), deserialize: (data) => JSON.parse(`${data}`) }
  const bytes: Serializer = {
    serialize: (value) => new TextEncoder().encode(JSON.stringify(value)),
    deserialize: (data) => JSON.parse((data as Buffer).toString('utf8')),
  }

  test.each([
    ['text', json],
    ['bytes', bytes],
  ])('a serializer that gives %s', (_kind, serializer) => {
    const body = packing.pack({ a: 'é' }, rules(serializer))
    expect(body.encoding).toBe('custom')
    expect(body.size).toBe(10)
    expect(packing.unpack(body, rules(serializer))).toEqual({ a: 'é' })
    expect(packing.unpack(travel(body), rules(serializer))).toEqual({ a: 'é' })
    expect(() => packing.pack('x'.repeat(20), rules(serializer, 10))).toThrow(TooLargeError)
  })

  test('a serializer that writes into the same memory again', () => {
    const shared = Buffer.alloc(8)
    const serializer: Serializer = {
      serialize: (value) => shared.subarray(0, shared.write(String(value))),
      deserialize: (data) => `${data}`,
    }
    const body = packing.pack('one', rules(serializer))
    packing.pack('two', rules(serializer))
    expect(packing.unpack(body, rules(serializer))).toBe('one')
  })

  test('a serializer that hands out the bytes themselves', () => {
    const serializer: Serializer = { serialize: (value) => value as Buffer, deserialize: (data) => data }
    const value = Buffer.from('abc')
    const body = packing.pack(value, rules(serializer))
    value.fill('x')
    for (const one of [body, travel(body)]) {
      for (const unpack of [packing.unpack, packing.unpackForMany, packing.unpack]) {
        const given = unpack(one, rules(serializer)) as Buffer
        expect(given.toString()).toBe('abc')
        given.fill('y')
      }
    }
  })

  test('bytes of another realm are bytes', () => {
    const foreign = runInNewContext('new Uint8Array([104, 105])')
    const serializer: Serializer = { serialize: () => foreign, deserialize: (data) => `${data}` }
    expect(packing.unpack(packing.pack(1, rules(serializer)), rules(serializer))).toBe('hi')
  })

  test.each([undefined, null, 1, {}, []])('a serializer that gives %o is trouble', (given) => {
    const serializer = { serialize: () => given as never, deserialize: (data: unknown) => data }
    expect(() => packing.pack(1, rules(serializer))).toThrow('must return a string or a Uint8Array')
  })

  test('written with a serializer and read without one, or the other way about, is unreadable', () => {
    for (const [write, read] of [
      [json, undefined],
      [undefined, json],
    ] as const) {
      const body = travel(packing.pack({ a: 1 }, rules(write)))
      expect(() => packing.unpack(body, rules(read))).toThrow(CacheTroubleError)
    }
  })
})

test('a body that is kept shows that it is whole, parsed or not', () => {
  const cut = new KeptBody({ encoding: 'json', data: undefined, size: 22 })
  const whole = new KeptBody({ encoding: 'json', data: Buffer.from('{"a":[1]}'), size: 31 })
  expect(() => keptPacking('clone').unpack(cut, rules())).toThrow(CacheTroubleError)
  for (let i = 0; i < 2; i++) {
    expect(whole.data).toBeDefined()
    expect(keptPacking('clone').unpack(whole, rules())).toEqual({ a: [1] })
  }
  expect(whole.data).toBeDefined()
  expect(cut.data).toBeUndefined()
})

describe('a body that was cut short', () => {
  const takesAnything: Serializer = { serialize: () => '', deserialize: (data) => ({ data }) }

  test.each(['json', 'special', 'custom'] as const)('%s is unreadable', (encoding) => {
    const body = { encoding, data: undefined, size: 22 }
    const serializer = encoding === 'custom' ? takesAnything : undefined
    expect(() => wirePacking.unpack(body, rules(serializer))).toThrow('the stored value cannot be read')
  })

  test('the message quotes no data', () => {
    for (const data of ['hunter2', '{"password":"hunter2', '[1,[["hunter2"]]]']) {
      for (const encoding of ['json', 'special'] as const) {
        try {
          wirePacking.unpack({ encoding, data: Buffer.from(data), size: 1 }, rules())
        } catch (error) {
          expect(String(error)).not.toContain('hunter2')
          expect((error as Error).cause).toBeUndefined()
        }
      }
    }
  })
})
