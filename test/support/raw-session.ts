import { connect, type Socket } from 'node:net'
import { encodeCommand, parseReply, type Reply, ReplyError } from './resp.ts'

interface Waiting {
  resolve: (reply: Reply) => void
  reject: (error: Error) => void
}

/** One connection for commands that belong together, past the library. They are sent without waiting for each other. */
export class RawSession implements Disposable {
  /** Resolves when the connection is over, with the code of what broke it, such as `ECONNRESET`. */
  readonly closed: Promise<string | undefined>
  private readonly socket: Socket
  private readonly waiting: Waiting[] = []
  private received = Buffer.alloc(0)

  constructor(target: { host?: string; port: number }) {
    this.socket = connect({ host: '127.0.0.1', ...target, noDelay: true })
    this.socket.on('data', (bytes: Buffer) => this.read(bytes))
    let code: string | undefined
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code
    })
    this.closed = new Promise((resolve) => this.socket.on('close', () => resolve(code)))
    this.closed.then(() => this.failAll(new Error(`Connection closed (${code ?? 'in order'})`)))
  }

  /** Rejects with a `ReplyError`, or when the connection breaks. */
  command(...args: [string, ...(string | number | Buffer)[]]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject })
      this.socket.write(encodeCommand(args))
    })
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }

  private read(bytes: Buffer): void {
    this.received = Buffer.concat([this.received, bytes])
    for (let parsed = parseReply(this.received); parsed; parsed = parseReply(this.received)) {
      this.received = this.received.subarray(parsed.next)
      const next = this.waiting.shift()
      if (parsed.reply instanceof ReplyError) next?.reject(parsed.reply)
      else next?.resolve(parsed.reply)
    }
  }

  private failAll(error: Error): void {
    for (const { reject } of this.waiting.splice(0)) reject(error)
  }
}
