import { randomUUID } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import type { RedisServer } from '../../support/redis-server.ts'
import { encodeCommand } from '../../support/resp.ts'
import { until } from '../../support/until.ts'
import { commandCounts } from '../open-cache.ts'
import type { Given } from './command-history.ts'

export interface Recording {
  /** Everything that was carried out, for anybody, also by scripts. */
  readonly given: readonly Given[]
  /** First words of error replies. What a server does not know it refuses, and then nothing was carried out. */
  readonly errors: readonly string[]
}

/** What a server gets while `act` runs. */
export async function record(server: RedisServer, act: (monitor: Monitor) => Promise<unknown>): Promise<Recording> {
  await server.command('CONFIG', 'RESETSTAT')
  using monitor = new Monitor(server)
  await monitor.caughtUp()
  await act(monitor)
  await monitor.caughtUp()
  const seen = [...monitor.commands]
  // MONITOR is silent about what it counts as administration; the statistics have the names at least.
  const counted = Object.keys(await commandCounts(server)).map((name) => name.split('|'))
  const errors = String(await server.command('INFO', 'errorstats')).matchAll(/errorstat_([^:]+):/g)
  return { given: [...seen, ...counted], errors: [...errors].map(([, code]) => String(code)) }
}

/** A connection on which the server tells each command that it carries out. */
export class Monitor implements Disposable {
  readonly commands: Given[] = []
  readonly #server: RedisServer
  readonly #socket: Socket

  constructor(server: RedisServer) {
    this.#server = server
    const { hostname, port, password } = new URL(server.url)
    this.#socket = connect(Number(port), hostname)
    // Who waits for what never comes says what it was; the socket alone would say it to nobody.
    this.#socket.on('error', () => {})
    this.#readLines()
    if (password) this.#socket.write(encodeCommand(['AUTH', decodeURIComponent(password)]))
    this.#socket.write(encodeCommand(['MONITOR']))
  }

  has(...beginning: Given): boolean {
    return this.commands.some((given) => beginning.every((part, i) => part === given[i]))
  }

  /** Until all is here that was carried out before. */
  async caughtUp(): Promise<void> {
    const marker = randomUUID()
    const seen = async () => {
      await this.#server.command('ECHO', marker)
      return this.has('ECHO', marker)
    }
    await until(seen, { label: 'the monitor to catch up' })
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  #readLines(): void {
    let rest = ''
    this.#socket.setEncoding('latin1').on('data', (chunk) => {
      const lines = `${rest}${chunk}`.split('\r\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.#hear(line)
    })
  }

  /** `+1700000000.123456 [0 127.0.0.1:50000] "set" "k" "v"`, and `[0 lua]` for what a script calls. */
  #hear(line: string): void {
    const [, given] = /^\+[\d.]+ \[[^\]]*\] (.*)$/.exec(line) ?? []
    const parts = [...(given ?? '').matchAll(/"((?:\\.|[^"\\])*)"/g)].map(([, part]) => unquote(part as string))
    if (parts.length > 0) this.commands.push(parts)
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b' }

function unquote(text: string): string {
  return text.replace(/\\(?:x([\da-f]{2})|(.))/g, (_all, hex?: string, letter = '') =>
    hex === undefined ? (ESCAPES[letter] ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}
