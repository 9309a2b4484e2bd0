import type { Clock } from '../clock.ts'
import type { Body, State, Value } from '../drivers/driver.ts'
import type { Places } from '../drivers/places.ts'
import { Sieve, Sieved } from '../drivers/sieve.ts'
import type { NearStats } from '../events.ts'
import { matches } from '../glob.ts'
import type { Near } from '../tier.ts'
import type { ServerClock } from './server-clock.ts'
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
  /** Until then, by our clock, it may be served without another look at anything but what has changed. */
  goodUntil = Number.NEGATIVE_INFINITY
  /** A value that is served to whoever has its key: without tags, and not expired by an invalidation. */
  readonly plain: Body | undefined
  readonly plainVersion: string | undefined

  /** @param readAt - by our clock, before the read was sent: then at the latest it was current */
  constructor(
    readonly state: Copied,
    readonly feed: Feed,
    readonly epoch: number,
    readonly readAt: number,
  ) {
    super()
    const value =
      state.kind === 'value' && !state.header.expired && state.header.stamps.length === 0 ? state : undefined
    this.plain = value?.body
    this.plainVersion = value?.header.version
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
  readonly #serverClock: Pick<ServerClock, 'at'>

  /** @param feeds - those that are open */
  constructor(
    { maxItems, maxBytes, maxStalenessMs }: NearLimits,
    readonly places: Places,
    feeds: () => readonly Feed[],
    clock: Clock,
    serverClock: Pick<ServerClock, 'at'>,
  ) {
    this.#serverClock = serverClock
    this.#copies = new Sieve(maxItems, maxBytes)
    this.#feeds = feeds
    this.#maxStalenessMs = maxStalenessMs
    this.#clock = clock
  }

  get(place: string, now = this.#clock.now()): Copied | undefined {
    const copy = this.#copies.get(place)
    if (copy === undefined) return undefined
    const { feed } = copy
    if (feed.epoch !== copy.epoch) {
      this.#copies.delete(place)
      return undefined
    }
    if ((now - feed.beatAt) * BEATS > this.#maxStalenessMs) void feed.beat()
    return now > this.#currentUntil(copy) ? undefined : copy.state
  }

  /**
   * A value that is fresh, of this version and without tags: most hits. What {@link get} looks at is looked at again when
   * it may have changed by itself.
   */
  find(place: string, version: string): Body | undefined {
    const copy = this.#copies.get(place)
    if (copy === undefined || copy.plainVersion !== version || copy.feed.epoch !== copy.epoch) return undefined
    const now = this.#clock.now()
    return now < copy.goodUntil || this.#isGood(copy, now) ? copy.plain : undefined
  }

  #isGood(copy: Copy, now: number): boolean {
    const { softExpiresAt } = (copy.state as Value).header
    const freshUntil = now + softExpiresAt - this.#serverClock.at(now)
    if (this.get(copy.key, now) === undefined || freshUntil <= now) return false
    const beatDueAt = copy.feed.beatAt + this.#maxStalenessMs / BEATS
    copy.goodUntil = Math.min(beatDueAt, this.#currentUntil(copy), freshUntil)
    return true
  }

  #currentUntil({ feed, readAt }: Copy): number {
    return Math.max(feed.heardUntil, readAt) + this.#maxStalenessMs
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
