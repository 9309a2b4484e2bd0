import { Redis } from 'ioredis'
import { type Certificates, makeCertificates } from '../../support/certificates.ts'
import { RedisServer } from '../../support/redis-server.ts'
import type { Fault, Ground } from './fault.ts'
import { PRIVATE } from './play.ts'
import { userArgs } from './server-ground.ts'

/** One Redis behind TLS, and a client that trusts its authority. */
export class TlsGround implements Ground {
  impostor: RedisServer | undefined

  private constructor(
    readonly server: RedisServer,
    readonly tls: { ca: string; servername?: string },
    readonly where: { readonly client: Redis },
  ) {}

  static async open(): Promise<TlsGround> {
    const { ca, server: certificate } = await certificatesOf('ours')
    const server = await RedisServer.start({ tls: certificate, args: userArgs() })
    const { port } = server
    // Handed on to every connection as it is: what changes in it changes for the next one.
    const tls = { ca }
    const client = new Redis({ port, username: 'app', password: PRIVATE.password, tls, lazyConnect: true })
    return new TlsGround(server, tls, { client })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.where.client.disconnect()
    await this.impostor?.[Symbol.asyncDispose]()
    await this.server[Symbol.asyncDispose]()
  }
}

const made = new Map<string, Promise<Certificates>>()

/** Making keys takes a while. */
export function certificatesOf(authority: 'ours' | 'another'): Promise<Certificates> {
  const known = made.get(authority) ?? makeCertificates()
  made.set(authority, known)
  return known
}

export const tlsFaults: readonly Fault<TlsGround>[] = [
  {
    name: 'a certificate of an authority that is not trusted',
    open: () => TlsGround.open(),
    async apply(ground) {
      const { server: certificate } = await certificatesOf('another')
      await ground.server.kill()
      const { port } = ground.server
      ground.impostor = await RedisServer.start({ port, tls: certificate, args: userArgs() })
    },
    async heal({ impostor, server }) {
      await impostor?.[Symbol.asyncDispose]()
      await server.restart()
    },
    loss: 'told',
    lasting: /certificate/,
    costMs: 0,
  },
  {
    name: 'a certificate for another host',
    open: () => TlsGround.open(),
    async apply({ tls, server }) {
      tls.servername = 'redis.example.com'
      await server.command('CLIENT', 'KILL', 'USER', 'app')
    },
    heal: async ({ tls }) => void delete tls.servername,
    loss: 'told',
    lasting: /does not match/,
    costMs: 0,
  },
]
