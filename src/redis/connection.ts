import type { Clock } from '../clock.ts'
import { sleep, withDeadline } from '../deadline.ts'
import { CacheTroubleError, CommandTimeoutError } from '../errors.ts'
import { type ClientRecipe, endClient, type RedisClient } from './client.ts'
import { toTrouble } from './trouble.ts'

export interface ConnectionOptions {
  readonly recipe: ClientRecipe
  readonly secrets: readonly string[]
  readonly commandTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly clock: Clock
  /** Runs on every new connection before anything is served from it. Where it throws, the connection is not used. */
  readonly prepare: (client: RedisClient) => Promise<void>
  /** Whether there is something to prepare (again): looked at in the step that begins to serve. */
  readonly unprepared: () => boolean
  readonly onState: (state: 'ready' | 'lost' | 'failed', error?: CacheTroubleError) => void
}

/** How long a caller waits for the very first connection; later it is simply away. */
const FIRST_CONNECT_MS = 500
const BACKOFF_MIN_MS = 50
const BACKOFF_MAX_MS = 1_000
/** So many time-outs in a row, none of them our own stall, and the connection counts as hung. */
const HUNG_AFTER = 3

/**
 * One connection that comes and goes. While it is away every command fails at once, without a queue; a new client is
 * opened in the background, for ever, with jitter. Only the first callers wait for it, and not for long.
 */
export class Connection {
  readonly #options: ConnectionOptions
  #client: RedisClient | undefined
  #connecting: Promise<void> | undefined
  /** The first connection that callers may wait for; gone once it stands, fails or took too long. */
  #first: Promise<void> | undefined
  #failures = 0
  #timeouts = 0
  #reported = false
  #lastError: CacheTroubleError | undefined
  #closed = false

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  get ready(): boolean {
    return this.#client !== undefined
  }

  /** Sends a command and waits for its reply, at most `timeoutMs`. @throws CacheTroubleError */
  run<T>(
    command: string,
    send: (client: RedisClient) => Promise<T>,
    timeoutMs = this.#options.commandTimeoutMs,
  ): Promise<T> {
    const client = this.#client
    return client ? this.#send(client, command, send, timeoutMs) : this.#sendLater(command, send, timeoutMs)
  }

  /** Drops the connection, so that what was lost on it is put right before it is used again. */
  reset(): void {
    this.#lose(this.#client, new CacheTroubleError('RESET', 'the connection is made anew'))
  }

  async close(): Promise<void> {
    this.#closed = true
    const client = this.#client
    this.#client = undefined
    if (client) endClient(client)
  }

  async #sendLater<T>(command: string, send: (client: RedisClient) => Promise<T>, timeoutMs: number): Promise<T> {
    if (this.#closed) throw new CacheTroubleError('CLOSED', 'the cache is closed')
    if (!this.#connecting) this.#first = this.#waitAtMost(this.#connect())
    await this.#first
    if (!this.#client) throw this.#away()
    return this.#send(this.#client, command, send, timeoutMs)
  }

  #away(): CacheTroubleError {
    const reason = this.#lastError
    return new CacheTroubleError(reason?.code ?? 'AWAY', `Redis is away${reason ? `: ${reason.message}` : ''}`)
  }

  async #send<T>(
    client: RedisClient,
    command: string,
    send: (client: RedisClient) => Promise<T>,
    timeoutMs: number,
  ): Promise<T> {
    try {
      const reply = await withDeadline(send(client), timeoutMs, command, this.#options.clock)
      this.#timeouts = 0
      return reply
    } catch (error) {
      const trouble = toTrouble(error, this.#options.secrets)
      this.#judge(client, trouble)
      throw trouble
    }
  }

  /** A reply, even an error, shows that the server is there; a stall of our own shows nothing. */
  #judge(client: RedisClient, trouble: CacheTroubleError): void {
    if (!(trouble instanceof CommandTimeoutError)) this.#timeouts = 0
    else if (!trouble.stalled && ++this.#timeouts >= HUNG_AFTER) this.#lose(client, trouble)
  }

  /** The one attempt that is under way, or the loop that keeps trying. Never rejects. */
  #connect(): Promise<void> {
    this.#connecting ??= this.#attempt()
    return this.#connecting
  }

  async #attempt(): Promise<void> {
    const { clock, prepare, unprepared, onState, secrets, connectTimeoutMs } = this.#options
    let client: RedisClient | undefined
    try {
      client = await this.#open()
      do await withDeadline(prepare(client), connectTimeoutMs, 'the first commands on a new connection', clock)
      while (unprepared())
      if (this.#closed) return endClient(client)
      this.#client = client
      this.#failures = this.#timeouts = 0
      this.#reported = false
      onState('ready')
    } catch (error) {
      if (client) endClient(client)
      // What went wrong first says most: the socket's own error, or that the password is wrong.
      this.#lastError ??= toTrouble(error, secrets)
      if (!this.#reported && !this.#closed) onState('failed', this.#lastError)
      this.#reported = true
      void this.#retry()
    }
  }

  async #retry(): Promise<void> {
    const most = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** this.#failures++)
    await sleep(most * (0.5 + Math.random() / 2), this.#options.clock)
    if (!this.#closed) await this.#attempt()
  }

  async #open(): Promise<RedisClient> {
    const { recipe, connectTimeoutMs, clock, secrets } = this.#options
    this.#lastError = undefined
    const client = await recipe()
    client.on('error', (error: never) => {
      this.#lastError ??= toTrouble(error, secrets)
    })
    client.on('end', () =>
      this.#lose(client, this.#lastError ?? new CacheTroubleError('CLOSED', 'the connection was closed')),
    )
    try {
      await withDeadline(client.connect(), connectTimeoutMs, 'connecting', clock)
    } catch (error) {
      endClient(client)
      throw error
    }
    // An idle cache does not keep a script alive; whoever waits for a reply has the deadline's timer to do so.
    client.stream?.unref?.()
    return client
  }

  #lose(client: RedisClient | undefined, error: CacheTroubleError): void {
    if (!client || client !== this.#client) return
    this.#client = undefined
    this.#lastError = error
    endClient(client)
    if (this.#closed) return
    this.#reported = true
    this.#options.onState('lost', error)
    this.#connecting = this.#retry()
  }

  async #waitAtMost(connecting: Promise<void>): Promise<void> {
    const { clock } = this.#options
    await withDeadline(connecting, FIRST_CONNECT_MS, 'the first connection', clock).catch(() => {})
    this.#first = undefined
  }
}
