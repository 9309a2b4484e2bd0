import { decodeSpecial, encodeSpecial } from './codec.ts'
import type { Compression } from './compression.ts'
import type { Body } from './drivers/driver.ts'
import { CacheTroubleError } from './errors.ts'
import { copy, freeze, type Isolation } from './isolation.ts'
import { bytesOf } from './kind.ts'
import { Original } from './original.ts'
import { inspect, TooLargeError } from './storable.ts'
import { isTooLate } from './too-late.ts'

/**
 * Turns values into what is stored and back, in place of JSON: for class instances, or for a format of your own.
 * Both functions are called for Redis and for memory, and have to answer at once: a promise is no answer.
 *
 * @example
 * ```ts
 * import { createCache, type Serializer } from 'cachewell'
 *
 * const json: Serializer = { serialize: (value) => JSON.stringify(value), deserialize: (data) => JSON.parse(`${data}`) }
 * export const cache = createCache({ url: 'memory:', serializer: json })
 * ```
 */
export interface Serializer {
  serialize(value: unknown): string | Uint8Array
  /**
   * Gets a string where `serialize` gave one and the value has not left this process; from Redis always bytes, in Node
   * a `Buffer`. The bytes are its own: it may change them, or hand them out.
   */
  deserialize(data: string | Uint8Array): unknown
}

export interface PackRules {
  readonly serializer: Serializer | undefined
  readonly maxValueBytes: number
  /** What the cache does with large values, where a function says nothing else. */
  readonly compression?: Compression | undefined
}

/** How values are kept in a store: the only thing that memory and Redis do differently with them. */
export interface Packing {
  /** @throws UnstorableError or TooLargeError, or what the user's serializer throws */
  pack(value: unknown, rules: PackRules): Body
  /** A value for one caller. @throws CacheTroubleError when the body is not what `pack` made under the same rules */
  unpack(body: Body, rules: PackRules): unknown
  /** The same, for one of many who get the same body. */
  unpackForMany(body: Body, rules: PackRules): unknown
}

/** What was parsed once, to be copied: that takes a fraction of the time. */
const parsed = new WeakMap<Body, Original>()

/** As text or bytes, for a store outside of the process. */
export const wirePacking: Packing = {
  pack(value, rules) {
    if (rules.serializer) return packCustom(value, rules.serializer, rules)
    const { special } = inspect(value, rules.maxValueBytes)
    const data = special ? encodeSpecial(value) : JSON.stringify(value)
    return { encoding: special ? 'special' : 'json', data, size: sizeWithin(data, rules.maxValueBytes) }
  },
  unpack(body, rules) {
    return readable(body, () => {
      if (body.encoding === 'custom' || rules.serializer) return unpackCustom(body, rules)
      const text = typeof body.data === 'string' ? body.data : (body.data as Buffer).toString()
      return body.encoding === 'special' ? decodeSpecial(text) : JSON.parse(text)
    })
  },
  unpackForMany(body, rules) {
    if (body.encoding === 'custom' || rules.serializer) return wirePacking.unpack(body, rules)
    let known = parsed.get(body)
    if (known === undefined) {
      known = new Original(wirePacking.unpack(body, rules))
      parsed.set(body, known)
    }
    return known.copy()
  },
}

/** As live objects, protected from their callers. */
export function livePacking(isolation: Isolation): Packing {
  const keep = {
    clone: (value: unknown) => new Original(copy(value)),
    freeze: (value: unknown) => freeze(copy(value)),
    share: (value: unknown) => value,
  }[isolation]
  const give = giverFor(isolation)
  const packing: Packing = {
    pack(value, rules) {
      if (rules.serializer) return packCustom(value, rules.serializer, rules)
      const { size } = inspect(value, rules.maxValueBytes)
      if (size > rules.maxValueBytes) throw new TooLargeError(rules.maxValueBytes)
      return { encoding: 'json', data: keep(value), size }
    },
    unpack(body, rules) {
      if (body.encoding !== 'custom' && !rules.serializer) return give(body.data)
      return readable(body, () => unpackCustom(body, rules))
    },
    unpackForMany: (body, rules) => packing.unpack(body, rules),
  }
  return packing
}

/** A body that stays in this process: parsed by the first who asks, and kept as what it was parsed to. */
export class KeptBody implements Body {
  readonly encoding: Body['encoding']
  readonly size: number
  readonly flaw: string | undefined
  #data: unknown
  #parsed: { readonly value: unknown } | undefined

  constructor({ encoding, data, size, flaw }: Body) {
    this.encoding = encoding
    this.size = size
    this.flaw = flaw
    // What comes from a socket is part of a larger piece of memory, all of which would be kept.
    this.#data = Buffer.isBuffer(data) ? Buffer.from(data) : data
  }

  /** When it has been parsed, it is of use to nobody any more; that it is there still shows that it is whole. */
  get data(): unknown {
    return this.#parsed ?? this.#data
  }

  /** `undefined` until somebody has asked for it. */
  get parsed(): { readonly value: unknown } | undefined {
    return this.#parsed
  }

  parseBy(parse: () => unknown): { readonly value: unknown } {
    this.#parsed = { value: parse() }
    this.#data = undefined
    return this.#parsed
  }
}

/** As bytes outside, and as live objects here: for copies of what a store outside holds. */
export function keptPacking(isolation: Isolation): Packing {
  const give = giverFor(isolation)
  const keep = {
    clone: (value: unknown) => new Original(value),
    freeze,
    share: (value: unknown) => value,
  }[isolation]
  const unpack = (body: Body, rules: PackRules) => {
    if (!(body instanceof KeptBody) || body.encoding === 'custom' || rules.serializer) {
      return wirePacking.unpack(body, rules)
    }
    const { value } = body.parsed ?? body.parseBy(() => keep(wirePacking.unpack(body, rules)))
    return give(value)
  }
  return {
    pack: wirePacking.pack,
    unpack,
    unpackForMany: (body, rules) => (body instanceof KeptBody ? unpack : wirePacking.unpackForMany)(body, rules),
  }
}

/** Who gets what is kept gets a copy of it, or the same object as everyone. */
function giverFor(isolation: Isolation): (kept: unknown) => unknown {
  return isolation === 'clone' ? (kept) => (kept as Original).copy() : (kept) => kept
}

function packCustom(value: unknown, serializer: Serializer, rules: PackRules): Body {
  const given = serializer.serialize(value)
  if (isTooLate(given) || (typeof given !== 'string' && !ArrayBuffer.isView(given))) {
    throw new CacheTroubleError(
      'SERIALIZER',
      'serializer.serialize must return a string or a Uint8Array, at once',
      true,
    )
  }
  // A copy, since serializers write into the same memory again, and a Buffer, as it will come from Redis.
  const data = typeof given === 'string' ? given : Buffer.from(bytesOf(given))
  return { encoding: 'custom', data, size: sizeWithin(data, rules.maxValueBytes) }
}

/**
 * Written with a serializer and read without one, or the other way about, or cut short: that is unreadable, too. A serializer
 * may hand out the very bytes that it is given, or a view of them: so they are a copy, for this caller alone.
 */
function unpackCustom(body: Body, { serializer }: PackRules): unknown {
  if (body.encoding !== 'custom' || !serializer || body.data === undefined)
    throw new Error('written with another serializer')
  const value = serializer.deserialize(copy(body.data as string | Uint8Array))
  if (isTooLate(value)) throw unreadable('serializer.deserialize returned a promise: it has to answer at once')
  return value
}

/** What a parser says of bad data quotes the data, so its words go no further. */
function readable({ flaw }: Body, unpack: () => unknown): unknown {
  try {
    return unpack()
  } catch (error) {
    throw error instanceof CacheTroubleError ? error : unreadable(flaw)
  }
}

function unreadable(why: string | undefined): CacheTroubleError {
  return new CacheTroubleError('UNREADABLE', `the stored value cannot be read${why ? `: ${why}` : ''}`, true)
}

function sizeWithin(data: string | Uint8Array, limit: number): number {
  const size = typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength
  if (size > limit) throw new TooLargeError(limit)
  return size
}
