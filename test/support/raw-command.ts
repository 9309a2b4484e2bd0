import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { encodeCommand, parseReply, type Reply, ReplyError } from './resp.ts'

export interface RawTarget {
  host: string
  port: number
  password?: string
  /** The certificate authority to trust, in PEM: given, the connection is TLS. */
  ca?: string
}

/**
 * Sends one command on a connection of its own and resolves with the reply, bytes read as UTF-8. Rejects with a
 * `ReplyError`, or when the connection breaks. There is no deadline: a hung server hangs it, which is what tests of
 * hung servers want to see.
 */
export function rawCommand(target: RawTarget, ...args: (string | number | Buffer)[]): Promise<Reply> {
  const commands = target.password === undefined ? [args] : [['AUTH', target.password], args]
  return new Promise((resolve, reject) => {
    const socket = open(target)
    let received = Buffer.alloc(0)
    let awaited = commands.length
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      try {
        for (let parsed = parseReply(received); parsed; parsed = parseReply(received)) {
          received = received.subarray(parsed.next)
          if (parsed.reply instanceof ReplyError) throw parsed.reply
          if (--awaited === 0) resolve(parsed.reply)
        }
      } catch (error) {
        reject(error)
        awaited = 0
      }
      if (awaited <= 0) socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`Connection closed before the reply to ${args[0]}`)))
    socket.write(Buffer.concat(commands.map(encodeCommand)))
  })
}

const open = ({ host, port, ca }: RawTarget): Socket =>
  ca === undefined ? connect({ host, port }) : connectTls({ host, port, ca })
