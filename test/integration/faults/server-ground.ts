import { join } from 'node:path'
import { RawSession } from '../../support/raw-session.ts'
import { RedisServer, type RedisServerOptions } from '../../support/redis-server.ts'
import type { Ground } from './fault.ts'
import { PREFIX, PRIVATE } from './play.ts'
import { rightsFor } from './rights.ts'

/** Arguments of redis-server: the cache is a user of its own, who may do no more than it has to. */
export const userArgs = (more: readonly string[] = []): string[] => [
  ...['--user', 'app', 'on', `>${PRIVATE.password}`],
  ...[...rightsFor(PREFIX), ...more],
]

export const asUser = (url: string): string => url.replace('://', `://app:${PRIVATE.password}@`)

/** One Redis, and a session of an operator's that was there before anything went wrong. */
export class ServerGround implements Ground {
  /** Of a server that takes its time. */
  restarted = Promise.resolve()

  private constructor(
    readonly server: RedisServer,
    readonly operator: RawSession,
    readonly where: { readonly url: string },
  ) {}

  static async open(options: RedisServerOptions = {}, urlOf = asUser): Promise<ServerGround> {
    const server = await RedisServer.start({ ...options, args: [...userArgs(), ...(options.args ?? [])] })
    return new ServerGround(server, new RawSession(server), { url: urlOf(server.url) })
  }

  /** Where the server puts what it saves. */
  async snapshotPath(): Promise<string> {
    const reply = (await this.operator.command('CONFIG', 'GET', 'd*')) as string[]
    const setting = (name: string) => reply[reply.indexOf(name) + 1] as string
    return join(setting('dir'), setting('dbfilename'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.operator[Symbol.dispose]()
    await this.server[Symbol.asyncDispose]()
    await this.restarted.catch(() => {})
  }
}
