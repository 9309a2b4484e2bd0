import type { Clock } from '../clock.ts'
import type { State } from '../drivers/driver.ts'
import type { Places } from '../drivers/places.ts'
import { Sieve, Sieved } from '../drivers/sieve.ts'
import type { NearStats } from '../events.ts'
import { matches } from '../glob.ts'
import type { Near } from '../tier.ts'
import type { Feed } from './topology.ts'
import type { ChangeListener } from './tracking.ts'

export interface NearLimits {
  readonly maxItems: number
  readonly maxBytes: number
  /** How old, in ms, what is served may be: counted from the last moment at which it was certain to be current. */
  readonly maxStalenessMs: number
}

/** What is worth a copy: what is absent may come at any time, and who loads is settled in the store. */
export type Copied = Extract<State, { kind: 'value' | 'stamp' }>

class Copy extends Sieved {
  /** @param readAt - by our clock, before the read was sent: then at the latest it was current */
  constructor(
    readonly state: Copied,
    readonly feed: Feed,
    readonly epoch: number,
    readonly readAt: number,
  ) {
    super()
  }
}

/** Reads of one key that are under way. */
export interface PendingRead {
  readonly feed: Feed
  readonly epoch: number
  readonly readAt: number
  changed: boolean
  readers: number
}

/** What a copy takes beside its value. */
const OVERHEAD = 400
/** A feed is asked so often within the bound whether it still says everything. */
const BEATS = 2

/**
 * Copies of what stands in Redis, ended by what the server tells of changes. A copy is as current as the last moment at
 * which everything was known to have been heard, or at which it was read; beyond `maxStalenessMs` it is not used.
 *
 * Changes come on another connection than the replies to reads, and may overtake them: the message that ends a value
 * can be here before the value is. So reads are noted before they are sent, and what changes meanwhile is not kept.
 */
export class NearCopies implements ChangeListener, Near {
  readonly #copies: Sieve<Copy>
  readonly #pending = new Map<string, PendingRead>()
  readonly #maxStalenessMs: number
  readonly #feeds: () => readonly Feed[]
  readonly #clock: Clock

  /** @param feeds - those that are open */
  constructor(
    { maxItems, maxBytes, maxStalenessMs }: NearLimits,
    readonly places: Places,
    feeds: () => readonly Feed[],
    clock: Clock,
  ) {
    this.#copies = new Sieve(maxItems, maxBytes)
    this.#feeds = feeds
    this.#maxStalenessMs = maxStalenessMs
    this.#clock = clock
  }

  /** @param now - by our clock */
  get(place: string, now: number): Copied | undefined {
    const copy = this.#copies.get(place)
    if (copy === undefined) return undefined
    const { feed } = copy
    if (feed.epoch !== copy.epoch) {
      this.#copies.delete(place)
      return undefined
    }
    if ((now - feed.beatAt) * BEATS > this.#maxStalenessMs) void feed.beat()
    return now - Math.max(feed.heardUntil, copy.readAt) > this.#maxStalenessMs ? undefined : copy.state
  }

  /** To be called before a read is sent. `undefined`: what it brings cannot be kept. */
  begin(key: string, feed: Feed | undefined): PendingRead | undefined {
    if (feed === undefined || feed.epoch === 0) return undefined
    const known = this.#pending.get(key)
    if (known?.feed === feed && known.epoch === feed.epoch) {
      known.readers++
      return known
    }
    const read = { feed, epoch: feed.epoch, readAt: this.#clock.now(), changed: false, readers: 1 }
    this.#pending.set(key, read)
    return read
  }

  /** The read has been answered; keeps what it brought, unless that may have changed since. */
  end(key: string, read: PendingRead, state: State): void {
    if (--read.readers === 0 && this.#pending.get(key) === read) this.#pending.delete(key)
    if (read.changed || read.feed.epoch !== read.epoch) return
    if (state.kind !== 'value' && state.kind !== 'stamp') return
    const { feed, epoch, readAt } = read
    // A parsed value takes about twice the bytes that it was encoded in.
    const size = state.kind === 'value' ? 2 * state.body.size : 0
    this.#copies.set(this.places.of(key), new Copy(state, feed, epoch, readAt), size + OVERHEAD + 2 * key.length)
  }

  changed(key: string): void {
    this.#copies.delete(this.places.of(key))
    const read = this.#pending.get(key)
    if (read === undefined) return
    read.changed = true
    this.#pending.delete(key)
  }

  changedWhere(glob: string): void {
    const copied = Array.from(this.#copies.keys(), (place) => this.places.keyAt(place))
    for (const key of [...copied, ...this.#pending.keys()]) if (matches(glob, key)) this.changed(key)
  }

  allChanged(): void {
    this.#copies.clear()
    for (const read of this.#pending.values()) read.changed = true
    this.#pending.clear()
  }

  async barrier(): Promise<void> {
    const heard = await Promise.all(this.#feeds().map((feed) => feed.beat()))
    if (!heard.every(Boolean)) this.allChanged()
  }

  stats(): NearStats {
    const { size: items, bytes } = this.#copies
    const now = this.#clock.now()
    const maxStalenessMs = this.#maxStalenessMs
    const stalenessMs = Math.max(
      0,
      ...this.#feeds().map(({ heardUntil }) => Math.min(maxStalenessMs, now - heardUntil)),
    )
    return { items, bytes, stalenessMs, maxStalenessMs }
  }
}
