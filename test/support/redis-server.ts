import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServerCertificate } from './certificates.ts'
import { endingOf } from './ending.ts'
import { likelyPort } from './likely-port.ts'
import { rawCommand } from './raw-command.ts'
import { late, now, sleep, within } from './real-time.ts'
import { findRedisBinary } from './redis-binary.ts'
import type { Reply } from './resp.ts'
import { Watchdog } from './watchdog.ts'

export interface RedisServerOptions {
  /** Default: a free one. */
  port?: number
  /** More arguments of redis-server, such as `['--appendonly', 'yes']`; they win over the defaults. */
  args?: readonly string[]
  /** The text of a configuration file. It is the server's to rewrite, as a sentinel does, and lasts over a restart. */
  config?: string
  password?: string
  /** Speak TLS, and nothing else, with this certificate. */
  tls?: ServerCertificate
}

const host = '127.0.0.1'
const startLimitMs = 10_000
const stopLimitMs = 5_000
const logLimit = 64 * 1024
const portAttempts = 20

/**
 * A redis-server of the test's own: it can be paused, killed and brought back. Its directory, and so what it persisted
 * where `args` ask for that, lasts over `stop()` and `restart()` until it is disposed or the test process ends.
 *
 * ```ts
 * await using server = await RedisServer.start()
 * ```
 */
export class RedisServer implements AsyncDisposable {
  /** What the server wrote last, at most 64 Ki characters. */
  logs = ''
  private child: ChildProcess | undefined
  private gone = Promise.resolve()
  private readonly directory = mkdtempSync(join(tmpdir(), 'cachewell-redis-'))
  private readonly watchdog = new Watchdog(this.directory)

  private constructor(
    private readonly binary: string,
    readonly port: number,
    private readonly options: RedisServerOptions,
  ) {
    if (options.config !== undefined) writeFileSync(this.configFile, options.config, { mode: 0o600 })
  }

  /** Resolves when the server answers. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const binary = findRedisBinary()
    if (!binary) throw new Error('No redis-server: install it, or set REDIS_SERVER_BIN to where it is')
    for (let attempt = 1; ; attempt++) {
      const server = new RedisServer(binary, options.port ?? likelyPort(), options)
      try {
        await server.launch()
        return server
      } catch (error) {
        await server[Symbol.asyncDispose]()
        // Another test worker took the port between our choice and the server's bind.
        const again = options.port === undefined && server.portWasTaken && attempt < portAttempts
        if (!again) throw error
      }
    }
  }

  get url(): string {
    const { password, tls } = this.options
    const credentials = password === undefined ? '' : `:${encodeURIComponent(password)}@`
    return `${tls ? 'rediss' : 'redis'}://${credentials}${host}:${this.port}`
  }

  /** Of the running process. */
  get pid(): number | undefined {
    return this.child?.pid
  }

  get running(): boolean {
    return this.child !== undefined
  }

  /** Connections stay open and new ones are accepted by the kernel, but nothing is answered. */
  pause(): void {
    this.child?.kill('SIGSTOP')
  }

  resume(): void {
    this.child?.kill('SIGCONT')
  }

  /** As a crash: nothing is saved, no client is told. */
  async kill(): Promise<void> {
    this.child?.kill('SIGKILL')
    await this.gone
  }

  /** As an operator would; a server that does not end within 5 s is killed. */
  async stop(): Promise<void> {
    this.child?.kill('SIGTERM')
    this.resume() // A paused process takes the signal only when it runs again.
    if ((await within(this.gone, stopLimitMs)) === late) await this.kill()
  }

  /** On the same port, with the same arguments, in the same directory. One that still runs is stopped first. */
  async restart(): Promise<void> {
    await this.stop()
    await this.launch()
  }

  /** One command, past the library, on a connection of its own (so no MULTI, no SELECT). Waits as long as it takes. */
  command(...args: [string, ...(string | number | Buffer)[]]): Promise<Reply> {
    const { password, tls } = this.options
    return rawCommand({ host, port: this.port, password, ca: tls?.ca }, ...args)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill() // Quicker than a stop, and what it would save is removed in any case.
    this.watchdog.close()
  }

  private get configFile(): string {
    return join(this.directory, 'redis.conf')
  }

  private get portWasTaken(): boolean {
    return /Address already in use/i.test(this.logs)
  }

  private async launch(): Promise<void> {
    this.logs = ''
    const child = spawn(this.binary, this.serverArgs(), { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.directory })
    this.child = child
    if (child.pid !== undefined) this.watchdog.guard(child.pid)
    child.stdout.on('data', (chunk) => this.log(chunk))
    child.stderr.on('data', (chunk) => this.log(chunk))
    child.once('exit', () => this.watchdog.release())
    this.gone = endingOf(child)
      .catch((error) => this.log(`${error}\n`))
      .then(() => {
        this.child = undefined
      })
    await this.answering(child)
  }

  private log(text: Buffer | string): void {
    this.logs = (this.logs + text).slice(-logLimit)
  }

  private async answering(child: ChildProcess): Promise<void> {
    const end = now() + startLimitMs
    while (this.child === child && now() < end) {
      if ((await within(this.isAnsweredBy(child.pid), 500)) === true) return
      await sleep(5)
    }
    await this.kill()
    throw new Error(`redis-server did not come up on port ${this.port}:\n${this.logs}`)
  }

  /** A PING would not do: while our server fails to bind, another worker's may answer on the same port. */
  private async isAnsweredBy(pid: number | undefined): Promise<boolean> {
    try {
      const info = await this.command('INFO', 'server')
      if (!String(info).includes(`process_id:${pid}\r\n`)) return false
      return (await this.command('PING')) === 'PONG'
    } catch {
      return false
    }
  }

  private serverArgs(): string[] {
    const { config, password, tls, args = [] } = this.options
    return [
      ...(config === undefined ? [] : [this.configFile]), // Only the first argument is taken for a file.
      ...['--bind', host, '--dir', this.directory, '--daemonize', 'no', '--logfile', ''],
      ...['--save', '', '--appendonly', 'no'],
      ...(tls ? this.tlsArgs(tls) : ['--port', String(this.port)]),
      ...(password === undefined ? [] : ['--requirepass', password]),
      ...args,
    ]
  }

  private tlsArgs(tls: ServerCertificate): string[] {
    const file = (name: string, pem: string) => {
      const path = join(this.directory, name)
      writeFileSync(path, pem, { mode: 0o600 })
      return path
    }
    return [
      ...['--port', '0', '--tls-port', String(this.port), '--tls-auth-clients', 'no'],
      ...['--tls-ca-cert-file', file('ca.pem', tls.ca)],
      ...['--tls-cert-file', file('cert.pem', tls.cert), '--tls-key-file', file('key.pem', tls.key)],
    ]
  }
}
