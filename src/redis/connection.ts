import { Breaker, type BreakerRules } from '../breaker.ts'
import { type Clock, nextTick } from '../clock.ts'
import { CommandTimeoutError, sleep, tooLong, withDeadline } from '../deadline.ts'
import { Deadlines } from '../deadlines.ts'
import { CacheTroubleError } from '../errors.ts'
import { CACHE_CLOSED } from '../guard.ts'
import { type ClientRecipe, endClient, type RedisClient } from './client.ts'
import type { Run } from './topology.ts'
import { toTrouble } from './trouble.ts'

export interface ConnectionOptions {
  readonly recipe: ClientRecipe
  readonly secrets: readonly string[]
  readonly commandTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly breaker: BreakerRules
  readonly clock: Clock
  /**
   * Runs on every new connection before anything is served from it: the breaker's probe. Where it throws, or takes too
   * long, the connection is not used.
   */
  readonly prepare: (client: RedisClient) => Promise<void>
  readonly onState: (state: 'ready' | 'lost' | 'failed', error?: CacheTroubleError) => void
  /** What to do about error replies, by their code. */
  readonly hints?: { readonly [code: string]: string }
  /** After each probe, while it is away. */
  readonly onStillAway?: () => void
}

/** How long a caller waits for the very first connection; later it is simply away. */
const FIRST_CONNECT_MS = 500
/** What was silent for longer than this may have died unnoticed, in a freeze for instance: one time-out is enough. */
const IDLE_MS = 5_000
/** So many commands are written at once. */
const MAX_CORKED = 512

/**
 * One connection that comes and goes, behind a circuit breaker. While it is away every command fails at once, without a
 * queue; a new client is opened in the background, for ever, with jitter: that is the breaker's probe. Only the first
 * callers wait for it, and not for long.
 */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #breaker: Breaker
  /** By their length in ms. */
  readonly #deadlines = new Map<number, Deadlines>()
  #client: RedisClient | undefined
  #connecting: Promise<void> | undefined
  /** The first connection that callers may wait for; gone once it stands, fails or took too long. */
  #first: Promise<void> | undefined
  #repliedAt = Number.NEGATIVE_INFINITY
  #reported = false
  #lastError: CacheTroubleError | undefined
  #closed = false
  /** Where the commands of this turn of the loop gather, and how many they are. */
  #corked: RedisClient['stream']
  #commands = 0

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#breaker = new Breaker(options.breaker)
  }

  get ready(): boolean {
    return this.#client !== undefined
  }

  /** A command would fail at once. */
  get away(): boolean {
    return this.#client === undefined && this.#connecting !== undefined && this.#first === undefined
  }

  /** Sends a command and waits for its reply, at most `timeoutMs`. @throws CacheTroubleError */
  run<T>(
    command: string,
    send: (client: RedisClient) => Promise<T>,
    timeoutMs = this.#options.commandTimeoutMs,
  ): Promise<T> {
    if (this.#client) this.#cork(this.#client)
    return this.runNow(command, send, timeoutMs)
  }

  /** The same for what need not go out together with others, since it has been put together already: reads. */
  runNow<T>(
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
    if (this.#closed) throw new CacheTroubleError(CACHE_CLOSED, 'the cache is closed')
    if (!this.#connecting) this.#first = this.#waitAtMost(this.#connect())
    await this.#first
    if (!this.#client) throw this.#away()
    return this.#send(this.#client, command, send, timeoutMs)
  }

  #away(): CacheTroubleError {
    const reason = this.#lastError
    return new CacheTroubleError(reason?.code ?? 'AWAY', `Redis is away${reason ? `: ${reason.message}` : ''}`)
  }

  /** One promise for each command, and no function that awaits: this is on the path of every read. */
  #send<T>(
    client: RedisClient,
    command: string,
    send: (client: RedisClient) => Promise<T>,
    timeoutMs: number,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const sentAt = this.#options.clock.now()
      const fail = (error: unknown) => {
        const trouble = this.#explained(toTrouble(error, this.#options.secrets))
        this.#judge(client, trouble, sentAt, timeoutMs)
        reject(trouble)
      }
      let sent: Promise<T>
      try {
        sent = send(client)
      } catch (error) {
        return fail(error)
      }
      const deadlines = this.#deadlinesOf(timeoutMs)
      const deadline = deadlines.begin((stalled) => fail(tooLong(command, timeoutMs, stalled)))
      sent.then(
        (reply) => {
          if (!deadlines.end(deadline)) return
          this.#repliedAt = sentAt
          this.#breaker.succeeded()
          resolve(reply)
        },
        (error) => {
          if (deadlines.end(deadline)) fail(error)
        },
      )
    })
  }

  /** Most commands have the same time. What is given less, for what came before it, is given whole milliseconds. */
  #deadlinesOf(timeoutMs: number): Deadlines {
    const ms = Math.ceil(timeoutMs)
    let deadlines = this.#deadlines.get(ms)
    if (deadlines === undefined) {
      deadlines = new Deadlines(ms, this.#options.clock)
      this.#deadlines.set(ms, deadlines)
    }
    return deadlines
  }

  /**
   * What is written in one turn of the loop goes out in one piece: else each command is a system call of its own. Very many
   * go out in several, so that the server can begin while the rest is being written: deadlines run meanwhile.
   */
  #cork({ stream }: RedisClient): void {
    if (this.#corked !== undefined) {
      if (stream !== this.#corked || ++this.#commands % MAX_CORKED > 0) return
      stream.uncork?.()
      stream.cork?.()
      return
    }
    if (!stream?.cork) return
    this.#corked = stream
    this.#commands = 1
    stream.cork()
    nextTick(() => {
      this.#corked = undefined
      stream.uncork?.()
    })
  }

  #explained(trouble: CacheTroubleError): CacheTroubleError {
    const hint = this.#options.hints?.[trouble.code]
    return hint ? new CacheTroubleError(trouble.code, `${trouble.message}: ${hint}`, trouble.local) : trouble
  }

  /**
   * An error reply that concerns one key shows that the server is well; a stall of our own shows nothing. A master that
   * has become a replica has a successor, which a new connection may find.
   */
  #judge(client: RedisClient, trouble: CacheTroubleError, sentAt: number, timeoutMs: number): void {
    if (client !== this.#client) return
    if (trouble instanceof CommandTimeoutError) {
      // Nor does one that was given less time than commands have.
      if (trouble.stalled || timeoutMs < this.#options.commandTimeoutMs) return
      const idle = sentAt - this.#repliedAt > IDLE_MS
      if (this.#breaker.failed() || idle) this.#lose(client, trouble)
    } else if (trouble.code === 'READONLY') this.#lose(client, trouble)
    else if (trouble.local) this.#breaker.succeeded()
    else if (this.#breaker.failed()) this.#lose(client, trouble)
  }

  /** Commands over the connection as it is now, and over no later one. */
  async pin(): Promise<Run> {
    if (!this.#client) await this.run('PING', (client) => client.ping())
    const client = this.#client
    return async (command, send, timeoutMs = this.#options.commandTimeoutMs) => {
      if (client === undefined || client !== this.#client) throw this.#away()
      return this.#send(client, command, send, timeoutMs)
    }
  }

  /** The one attempt that is under way, or the loop that keeps trying. Never rejects. */
  #connect(): Promise<void> {
    this.#connecting ??= this.#attempt()
    return this.#connecting
  }

  async #attempt(): Promise<void> {
    const { clock, prepare, onState, secrets, connectTimeoutMs } = this.#options
    let client: RedisClient | undefined
    try {
      client = await this.#open()
      // Callers wait for it no longer than `#waitAtMost` says, and that keeps the process alive for them.
      await withDeadline(prepare(client), connectTimeoutMs, 'the first commands on a new connection', clock, false)
      if (this.#closed) return endClient(client)
      this.#client = client
      this.#repliedAt = clock.now()
      this.#breaker.close()
      this.#reported = false
      onState('ready')
    } catch (error) {
      if (client) endClient(client)
      // What went wrong first says most: the socket's own error, or that the password is wrong.
      this.#lastError ??= toTrouble(error, secrets)
      if (!this.#reported && !this.#closed) onState('failed', this.#lastError)
      this.#reported = true
      this.#options.onStillAway?.()
      void this.#retry()
    }
  }

  async #retry(): Promise<void> {
    await sleep(this.#breaker.open(), this.#options.clock)
    if (this.#closed) return
    this.#breaker.probe()
    await this.#attempt()
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
      await withDeadline(client.connect(), connectTimeoutMs, 'connecting', clock, false)
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
