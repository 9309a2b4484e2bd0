import type { State, Value } from '../drivers/driver.ts'
import { Sieve, Sieved } from '../drivers/sieve.ts'
import { KeptBody } from '../packing.ts'
import type { Reply } from './topology.ts'

class Known extends Sieved {
  constructor(
    readonly bytes: Buffer,
    readonly value: Value,
  ) {
    super()
  }
}

const MAX_ITEMS = 1_000
const MAX_BYTES = 16 * 1024 * 1024
/** What one takes beside its bytes and its value. */
const OVERHEAD = 300
/** A power of two. Among many more keys than this, few come twice before others have taken their place. */
const PLACES = 2_048
/** Where there is no room left, so many times one has to come before it takes another's place. */
const TRIES = 16

/**
 * Values that were decoded before. Of what is hot, Redis gives the same bytes again and again, and to compare them takes
 * a small part of the time that it takes to parse them. Every read goes to Redis all the same, and only bytes that are equal
 * to the last mean what those meant: so this can be neither stale nor wrong.
 *
 * What comes once is not kept: of what came lately there are a few bits of each value's id, for which nothing is allocated.
 */
export class Repeats {
  readonly #known = new Sieve<Known>(MAX_ITEMS, MAX_BYTES)
  readonly #lately = new Int32Array(PLACES)
  #tries = 0

  /** What such a reply was decoded to before. */
  find(key: string, reply: Reply): Value | undefined {
    if (!Buffer.isBuffer(reply)) return undefined
    const known = this.#known.get(key)
    return known?.bytes.equals(reply) ? known.value : undefined
  }

  /** Keeps what comes again. It is parsed when it comes once more, for all from then on: whoever reads it now has their own. */
  add(key: string, reply: Reply, state: State): void {
    if (state.kind !== 'value' || !Buffer.isBuffer(reply) || !isDecoded(state) || !this.#cameLately(key, reply)) return
    // Parsed, a value takes about twice the bytes that it was encoded in.
    const size = OVERHEAD + reply.byteLength + 2 * state.body.size
    if (!this.#hasRoom(key, size)) return
    const value = { ...state, body: new KeptBody(state.body) }
    // What comes from a socket is part of a larger piece of memory, all of which would be kept.
    this.#known.set(key, new Known(Buffer.from(reply), value), size)
  }

  clear(): void {
    this.#known.clear()
  }

  /**
   * Where more is hot than there is room for, most would be gone before it comes again, and to keep it takes as long as to
   * parse it: then few take the place of others, and those that are asked for stay.
   */
  #hasRoom(key: string, size: number): boolean {
    const { maxItems, maxBytes } = this.#known
    if (this.#known.size < maxItems && this.#known.bytes + size <= maxBytes) return true
    return this.#known.get(key) !== undefined || ++this.#tries % TRIES === 0
  }

  /**
   * An id is random: eight of its letters say where to look, and what for. The end of the key tells copies of one entry
   * apart, as somebody may have made of them.
   */
  #cameLately(key: string, reply: Buffer): boolean {
    const end = key.length - 1
    const tail = (key.charCodeAt(end) << 16) ^ (key.charCodeAt(end - 1) << 8) ^ key.charCodeAt(end - 2)
    const place = Math.imul(reply.readInt32LE(6) ^ tail, 0x9e3779b1) >>> 21
    const mark = reply.readInt32LE(10) ^ tail
    if (this.#lately[place] === mark) return true
    // Of two that have one place and come in turns, neither would be found there, ever.
    if (this.#lately[place] === 0 || Math.random() < 0.5) this.#lately[place] = mark
    return false
  }
}

/** A serializer of the user's may change the bytes that it is given; what is not whole stays as it is. */
function isDecoded({ body }: Value): boolean {
  return body.encoding !== 'custom' && body.data !== undefined && !(body instanceof KeptBody)
}
