import type { Timer } from '../clock.ts'
import type { Removal } from '../drivers/driver.ts'
import type { CacheTroubleError } from '../errors.ts'
import { type Watch, Watchers } from '../watch.ts'
import type { RedisClient } from './client.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import { identify } from './identity.ts'
import type { Feed } from './topology.ts'
import { toTrouble } from './trouble.ts'

export interface TrackingOptions extends Omit<ConnectionOptions, 'prepare' | 'onState' | 'onStillAway'> {
  /** What the keys of the cache begin with, up to the colons or the hash that follow. */
  readonly prefix: string
  /** The server will not push: those who wait look again from time to time. Called once. */
  readonly onUnsupported: (error: CacheTroubleError) => void
  /** Whoever keeps copies of what is stored. Left out: nobody does. */
  readonly near?: ChangeListener
}

export interface ChangeListener {
  changed(key: string): void
  changedWhere(glob: string): void
  /** Anything may have changed. */
  allChanged(): void
}

/** Every write below the prefix sends one message, so the connection is given up when nobody has used it for a while. */
const IDLE_MS = 30_000
/** All copies go with it: a service that has nothing to do for a minute should not begin from nothing. */
const NEAR_IDLE_MS = 300_000
const CHANNEL = '__redis__:invalidate'
/** What an announced pattern begins with: no key does. */
const GLOB = '*'

/** Never twice the same, so that what was heard on an earlier connection is not taken for what is heard on this one. */
let epochs = 0

/**
 * The connection on which a server tells of changes, by its own invalidation messages (`CLIENT TRACKING` in broadcasting
 * mode): a change by anybody, also by another program, wakes those who wait for the key, and ends near copies of it.
 * Expiry is told as well, though that can be late. Opened when it is needed for the first time.
 *
 * A server that knows no tracking leaves those who wait to look again from time to time. Near copies are then kept for
 * no longer than `maxStaleness`, and end earlier where those who write announce it on a channel.
 */
export class Tracking implements Feed {
  readonly #options: TrackingOptions
  readonly #stillServes: (runId: string | undefined) => Promise<boolean>
  readonly #watchers = new Watchers()
  #connection: Connection | undefined
  #idle: Timer | undefined
  #usedAt = Number.NEGATIVE_INFINITY
  #supported = true
  #closed = false
  epoch = 0
  /** Of the server that tells, where it says who it is. */
  #runId: string | undefined
  heardUntil = Number.NEGATIVE_INFINITY
  beatAt = Number.NEGATIVE_INFINITY

  /**
   * @param stillServes - whether the server of this id is the one that is read from; throws where that is no master any
   * more: what it tells is then not all there is to tell
   */
  constructor(options: TrackingOptions, stillServes: (runId: string | undefined) => Promise<boolean>) {
    this.#options = options
    this.#stillServes = stillServes
  }

  watch(key: string): Watch {
    if (this.#supported) this.#use()
    return this.#watchers.watch(key, () => this.#closeLater())
  }

  /** For near copies: where it is not open, it is opened. */
  feed(): Feed {
    this.#use()
    return this
  }

  /** The channel on which to announce changes that the server does not tell of; `undefined` where it does. */
  get announcesOn(): string | undefined {
    if (this.#supported) this.#use()
    return this.#supported ? undefined : channelOf(this.#options.prefix)
  }

  async beat(): Promise<boolean> {
    const { epoch } = this
    const connection = this.#connection
    const sentAt = this.#options.clock.now()
    this.beatAt = sentAt
    if (epoch === 0 || !connection || !this.#supported) return false
    this.#use()
    try {
      // Messages and replies come in order: what was written before the PING has been told before its reply.
      const ping = connection.run('PING', (client) => client.ping())
      const [, isSame] = await Promise.all([ping, this.#stillServes(this.#runId)])
      if (!isSame) {
        connection.reset()
        return false
      }
    } catch {
      return false
    }
    if (this.epoch !== epoch) return false
    this.heardUntil = Math.max(this.heardUntil, sentAt)
    return true
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#end()
  }

  async #end(): Promise<void> {
    const connection = this.#connection
    this.#connection = undefined
    this.epoch = 0
    await connection?.close()
  }

  #use(): void {
    this.#usedAt = this.#options.clock.now()
    if (!this.#connection && !this.#closed) this.#open()
  }

  #open(): void {
    const { clock, connectTimeoutMs, near } = this.#options
    const connection = new Connection({
      ...this.#options,
      prepare: (client) => this.#subscribe(client),
      onState: (state) => {
        if (connection !== this.#connection) return
        this.epoch = state === 'ready' ? ++epochs : 0
        this.heardUntil = this.beatAt = this.#supported ? clock.now() : Number.NEGATIVE_INFINITY
        // What changed while nobody told us: let everyone look once.
        this.#watchers.allChanged()
      },
    })
    this.#connection = connection
    connection.run('PING', (client) => client.ping(), connectTimeoutMs).catch(() => {})
    if (near) this.#closeLater()
  }

  /** On every new connection: a reconnect would bring back the subscription, but not the tracking. */
  async #subscribe(client: RedisClient): Promise<void> {
    if (this.#supported) return this.#track(client)
    client.on('message', (_channel: never, removal: never) => this.#announced(removal))
    // Without the right to listen, copies are merely kept a little longer.
    await client.subscribe(channelOf(this.#options.prefix)).catch(() => {})
  }

  async #track(client: RedisClient): Promise<void> {
    const { prefix, secrets, onUnsupported, near } = this.#options
    client.on('messageBuffer', (_channel: never, keys: never) => this.#heard(keys))
    const prefixes = near ? [`${prefix}::`, `${prefix}#`] : [`${prefix}::`]
    try {
      this.#runId = (await identify(client)).runId
      const id = String(await client.call('CLIENT', 'ID'))
      const scope = prefixes.flatMap((one) => ['PREFIX', one])
      await client.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id, 'BCAST', ...scope)
      await client.subscribe(CHANNEL)
    } catch (error) {
      const trouble = toTrouble(error, secrets)
      // The server, or a mock, knows no tracking, or its rules forbid it: asking again will not help.
      const isRefused = trouble.local && !trouble.message.includes('max number of clients')
      if (!isRefused && !(error instanceof TypeError)) throw trouble
      this.#supported = false
      onUnsupported(trouble)
      if (!near) {
        this.#closed = true
        await this.#end()
        throw trouble
      }
      await this.#subscribe(client)
    }
  }

  /** `null` is a flush: everything changed. */
  #heard(keys: readonly Buffer[] | Buffer | null): void {
    if (keys === null) {
      this.#watchers.allChanged()
      this.#options.near?.allChanged()
    } else if (Array.isArray(keys)) for (const key of keys) this.#changed(key.toString())
    else this.#changed(keys.toString())
  }

  #announced(removal: string): void {
    if (removal.startsWith(GLOB)) {
      this.#watchers.allChanged()
      this.#options.near?.changedWhere(removal.slice(GLOB.length))
    } else this.#changed(removal)
  }

  #changed(key: string): void {
    this.#watchers.changed(key)
    this.#options.near?.changed(key)
  }

  #closeLater(): void {
    const { clock, near } = this.#options
    const idleMs = near ? NEAR_IDLE_MS : IDLE_MS
    if (this.#idle) clock.clearTimeout(this.#idle)
    this.#idle = clock.setTimeout(() => {
      if (this.#watchers.size > 0 || clock.now() - this.#usedAt < idleMs) this.#closeLater()
      else void this.#end()
    }, idleMs)
    this.#idle.unref?.()
  }
}

/** What to announce when something was removed. */
export function announcementOf(removal: Removal): string {
  if ('glob' in removal) return GLOB + removal.glob
  return 'key' in removal ? removal.key : removal.stamp
}

function channelOf(prefix: string): string {
  return `${prefix}#changes`
}
