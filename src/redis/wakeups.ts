import type { Timer } from '../clock.ts'
import type { CacheTroubleError } from '../errors.ts'
import { type Watch, Watchers } from '../watch.ts'
import type { RedisClient } from './client.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import { toTrouble } from './trouble.ts'

export interface WakeupOptions extends Omit<ConnectionOptions, 'prepare' | 'onState' | 'onStillAway'> {
  /** What the keys to hear of begin with. */
  readonly scope: string
  /** The server will not push: those who wait look again from time to time. Called once. */
  readonly onUnsupported: (error: CacheTroubleError) => void
}

/** Every write below the prefix sends one message, so the connection is given up when nobody has waited for a while. */
const IDLE_MS = 30_000
const CHANNEL = '__redis__:invalidate'

/**
 * Wakes those who wait for a key, by the server's own invalidation messages (`CLIENT TRACKING` in broadcasting mode):
 * any change by anybody wakes, also by another program, and so does expiry, though that can be late. Opened when
 * somebody waits for the first time.
 */
export class Wakeups {
  readonly #options: WakeupOptions
  readonly #watchers = new Watchers()
  #connection: Connection | undefined
  #idle: Timer | undefined
  #unsupported = false

  constructor(options: WakeupOptions) {
    this.#options = options
  }

  watch(key: string): Watch {
    if (this.#idle) this.#options.clock.clearTimeout(this.#idle)
    if (!this.#unsupported && !this.#connection) this.#open()
    return this.#watchers.watch(key, () => this.#closeLater())
  }

  async close(): Promise<void> {
    this.#unsupported = true
    await this.#connection?.close()
    this.#connection = undefined
  }

  #open(): void {
    const connection = new Connection({
      ...this.#options,
      prepare: (client) => this.#subscribe(client),
      // What changed while nobody told us: let everyone look once.
      onState: () => this.#watchers.allChanged(),
    })
    this.#connection = connection
    connection.run('PING', (client) => client.ping(), this.#options.connectTimeoutMs).catch(() => {})
  }

  /** On every new connection: a reconnect would bring back the subscription, but not the tracking. */
  async #subscribe(client: RedisClient): Promise<void> {
    const { scope, secrets, onUnsupported } = this.#options
    client.on('messageBuffer', (_channel: never, keys: never) => this.#heard(keys))
    try {
      const id = await client.call('CLIENT', 'ID')
      await client.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', String(id), 'BCAST', 'PREFIX', scope)
      await client.subscribe(CHANNEL)
    } catch (error) {
      const trouble = toTrouble(error, secrets)
      // The server, or a mock, knows no tracking, or its rules forbid it: asking again will not help.
      const isRefused = trouble.local && !trouble.message.includes('max number of clients')
      if (isRefused || error instanceof TypeError) {
        this.#unsupported = true
        onUnsupported(trouble)
        await this.close()
      }
      throw trouble
    }
  }

  /** `null` is a flush: everything changed. */
  #heard(keys: readonly Buffer[] | Buffer | null): void {
    if (keys === null) this.#watchers.allChanged()
    else if (Array.isArray(keys)) for (const key of keys) this.#watchers.changed(key.toString())
    else this.#watchers.changed(keys.toString())
  }

  #closeLater(): void {
    const { clock } = this.#options
    this.#idle = clock.setTimeout(() => {
      void this.#connection?.close()
      this.#connection = undefined
    }, IDLE_MS)
    this.#idle.unref?.()
  }
}
