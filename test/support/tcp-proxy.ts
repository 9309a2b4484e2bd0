import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { likelyPort } from './likely-port.ts'
import { now, within } from './real-time.ts'

/** Seen from the client: `up` to the server, `down` from it. */
type Direction = 'up' | 'down'

export interface Connection {
  /** 1 for the first that the proxy accepted. */
  readonly id: number
  readonly client: Socket
  readonly server: Socket
  /** Where nothing arrives any more. */
  readonly hollow: Set<Direction>
  /** What the client wrote first, up to some hundred characters: tells what the connection is for. */
  opening: string
}

/** What one side wrote; or that it ended, and then `bytes` are none. */
export interface Chunk {
  readonly connection: Connection
  readonly direction: Direction
  readonly bytes: Buffer
  readonly end?: 'fin' | 'reset'
  readonly arrivedAt: number
}

const OPENING_LENGTH = 512

type Next = (chunk: Chunk) => Promise<void>

/**
 * Something wrong with the network: what becomes of a chunk. `next` sends it on. What follows it in its direction waits
 * until this resolves; `lifted` resolves when the fault is over.
 */
export type Fault = (chunk: Chunk, next: Next, lifted: Promise<void>) => Promise<void>

/** A chunk goes on when it is that old. Jitter does not change the order within a connection. */
export const latency =
  (ms: number, jitterMs = 0): Fault =>
  async (chunk, next, lifted) => {
    const due = chunk.arrivedAt + ms + Math.random() * jitterMs
    await within(lifted, Math.max(0, due - now()))
    await next(chunk)
  }

/** All, or such a chunk and what follows behind it, goes on when the fault is lifted. */
export const hold =
  (which: (chunk: Chunk) => boolean = () => true): Fault =>
  async (chunk, next, lifted) => {
    if (which(chunk)) await lifted
    await next(chunk)
  }

/** Swallows all, ends too. Who lost bytes gets none ever after: no network loses some and then goes on. */
export const blackHole = (): Fault => async (chunk) => void chunk.connection.hollow.add(chunk.direction)

/** The server may be gone: the client does not learn it, and what it writes from then on is lost. */
export const halfOpen = (): Fault => async (chunk, next) => {
  const isLost = chunk.direction === 'down' ? chunk.end : isGone(chunk.connection.server)
  if (!isLost) await next(chunk)
}

export const trickle =
  (size: number, everyMs: number): Fault =>
  async (chunk, next, lifted) => {
    if (chunk.end) return next(chunk)
    for (let at = 0; at < chunk.bytes.length; at += size) {
      await next({ ...chunk, bytes: chunk.bytes.subarray(at, at + size) })
      await within(lifted, everyMs)
    }
  }

/** Lets so many bytes through and then closes the connection they came on. Once: those made after it are well. */
export const truncate = (size: number): Fault => {
  let left = size
  return async (chunk, next) => {
    if (left < 0) return next(chunk)
    const bytes = chunk.bytes.subarray(0, left)
    left -= bytes.length
    await next({ ...chunk, bytes })
    if (left > 0) return
    left = -1
    for (const socket of socketsOf(chunk.connection)) socket.destroySoon()
  }
}

/** The fault for some chunks only, as those of one connection. */
export const when =
  (which: (chunk: Chunk) => boolean, fault: Fault): Fault =>
  (chunk, next, lifted) =>
    which(chunk) ? fault(chunk, next, lifted) : next(chunk)

/** The connection on which a cache hears of changes, as opposed to the one on which it reads. */
export const isTracking = ({ opening }: Connection): boolean => opening.includes('TRACKING')
export const isData = (connection: Connection): boolean => !isTracking(connection)

/** The fault for some connections only. */
export const of = (which: (connection: Connection) => boolean, fault: Fault): Fault =>
  when(({ connection }) => which(connection), fault)

export const up = (fault: Fault): Fault => when((chunk) => chunk.direction === 'up', fault)
export const down = (fault: Fault): Fault => when((chunk) => chunk.direction === 'down', fault)

/**
 * Stands between clients and a server, and lets a test break the network between them.
 *
 * ```ts
 * await using proxy = await TcpProxy.start(server)
 * const lift = proxy.apply(down(latency(50)))
 * ```
 */
export class TcpProxy implements AsyncDisposable {
  /** How many connections there were so far. */
  accepted = 0
  /** How many were received so far, from the client (`up`) and from the server. */
  readonly bytes = { up: 0, down: 0 }
  private readonly all = new Set<Connection>()
  /** Each by what lifts it. */
  private readonly faults = new Map<() => void, (next: Next) => Next>()
  private isDoomed: (connection: Connection) => boolean = () => false
  private server: Server | undefined

  private constructor(
    private target: { host?: string; port: number },
    readonly port = likelyPort(),
  ) {}

  static async start(target: { host?: string; port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target)
    const failure = await proxy.accept().catch((error) => error)
    if (failure && failure.code !== 'EADDRINUSE') throw failure
    return failure ? TcpProxy.start(target) : proxy
  }

  /** New connections go there, as when an address has got a new owner; open ones stay where they are. */
  redirect(target: { host?: string; port: number }): void {
    this.target = target
  }

  /** The server's URL with the proxy's port in it. */
  via(serverUrl: string): string {
    return serverUrl.replace(/:\d+(?=\/|$)/, `:${this.port}`)
  }

  /** Those that are open on the client's side. */
  get connections(): Connection[] {
    return [...this.all].filter(({ client }) => !client.destroyed)
  }

  /** From now on, until what this returns is called. Several faults act in the order in which they were applied. */
  apply(fault: Fault): () => void {
    let release = () => {}
    const lifted = new Promise<void>((resolve) => {
      release = resolve
    })
    const lift = () => void (this.faults.delete(lift) && release())
    this.faults.set(lift, (next) => (chunk) => fault(chunk, next, lifted))
    return lift
  }

  /** Resets connections, and new ones as soon as they are made, until `heal()`. */
  reset(which: (connection: Connection) => boolean = () => true): void {
    this.isDoomed = which
    for (const connection of this.all) if (which(connection)) reset(connection)
  }

  /** Lifts all faults. */
  heal(): void {
    this.isDoomed = () => false
    for (const lift of this.faults.keys()) lift()
  }

  /** New connections are refused, until `accept()`; open ones stay. */
  refuse(): void {
    this.server?.close()
  }

  async accept(): Promise<void> {
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.join(client))
    await once(this.server.listen(this.port, '127.0.0.1'), 'listening')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse()
    for (const socket of [...this.all].flatMap(socketsOf)) socket.destroy()
    this.heal()
  }

  private join(client: Socket): void {
    const server = connect({ host: '127.0.0.1', ...this.target, allowHalfOpen: true, noDelay: true })
    const connection = { id: ++this.accepted, client, server, hollow: new Set<Direction>(), opening: '' }
    this.all.add(connection)
    this.pump(connection, 'up', client)
    this.pump(connection, 'down', server)
    if (this.isDoomed(connection)) reset(connection)
  }

  private pump(connection: Connection, direction: Direction, source: Socket): void {
    let passed = Promise.resolve()
    const push = (bytes: Buffer, end?: Chunk['end']) => {
      this.bytes[direction] += bytes.length
      if (direction === 'up') note(connection, bytes)
      const chunk = { connection, direction, bytes, end, arrivedAt: now() }
      passed = passed.then(() => this.pass(chunk))
    }
    source.on('data', push).on('end', () => push(Buffer.alloc(0), 'fin'))
    source.on('error', () => {}) // 'close' follows.
    source.on('close', (failed) => {
      if (failed || !source.readableEnded) push(Buffer.alloc(0), 'reset')
      if (socketsOf(connection).every((socket) => socket.destroyed)) this.all.delete(connection)
    })
  }

  /** Through the faults that apply when its turn has come. */
  private pass(chunk: Chunk): Promise<void> {
    return [...this.faults.values()].reduceRight((next, wrap) => wrap(next), deliver)(chunk)
  }
}

function note(connection: Connection, bytes: Buffer): void {
  const missing = OPENING_LENGTH - connection.opening.length
  if (missing > 0) connection.opening += bytes.toString('latin1', 0, missing)
}

const socketsOf = ({ client, server }: Connection): Socket[] => [client, server]

function reset(connection: Connection): void {
  for (const socket of socketsOf(connection)) resetSocket(socket)
}

/** One that is about to end cannot be reset: Node 20 would never close it, and spin for ever when the process is to exit. */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}

/** A Redis that says it has ended does not listen either. */
const isGone = (server: Socket): boolean => server.readableEnded || server.destroyed

const deliver: Next = async ({ connection: { client, server, hollow }, direction, bytes, end }) => {
  const destination = direction === 'up' ? server : client
  if (hollow.has(direction)) return
  if (end === 'reset') resetSocket(destination)
  else if (end === 'fin') destination.end()
  else if (direction === 'up' && isGone(server)) resetSocket(client)
  else destination.write(bytes)
}
