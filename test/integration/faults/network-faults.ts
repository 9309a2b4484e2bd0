import { RedisServer } from '../../support/redis-server.ts'
import { blackHole, down, halfOpen, latency, TcpProxy, trickle, truncate } from '../../support/tcp-proxy.ts'
import type { Fault, Ground } from './fault.ts'
import { asUser, userArgs } from './server-ground.ts'

/** One Redis, and a network between it and the cache. */
export class NetworkGround implements Ground {
  private constructor(
    readonly server: RedisServer,
    readonly proxy: TcpProxy,
    readonly where: { readonly url: string },
  ) {}

  static async open(): Promise<NetworkGround> {
    const server = await RedisServer.start({ args: userArgs() })
    const proxy = await TcpProxy.start(server)
    return new NetworkGround(server, proxy, { url: asUser(proxy.via(server.url)) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]()
    await this.server[Symbol.asyncDispose]()
  }
}

const common = { open: () => NetworkGround.open(), heal: async ({ proxy }: NetworkGround) => proxy.heal() }

export const networkFaults: readonly Fault<NetworkGround>[] = [
  {
    ...common,
    name: 'slow: replies take 100 ms (commandTimeout of 500 ms)',
    // A lease gets the time that reading has left: with the default that is little more than it needs.
    options: { commandTimeout: '500ms' },
    apply: async ({ proxy }) => proxy.apply(down(latency(100))),
    loss: 'none',
    // Reading, and asking for the lease.
    costMs: 200,
  },
  {
    ...common,
    name: 'too slow: replies take 400 ms',
    apply: async ({ proxy }) => proxy.apply(down(latency(400))),
    loss: 'found out',
    lasting: /a probe took longer/,
    costMs: 300,
  },
  {
    ...common,
    name: 'connections are reset',
    apply: async ({ proxy }) => proxy.reset(),
    loss: 'told',
    lasting: /ECONNRESET|closed/,
    costMs: 0,
  },
  {
    ...common,
    name: 'connections are refused',
    async apply({ proxy }) {
      proxy.refuse()
      proxy.reset()
    },
    async heal({ proxy }) {
      proxy.heal()
      await proxy.accept()
    },
    loss: 'told',
    lasting: /ECONNREFUSED/,
    costMs: 0,
  },
  {
    ...common,
    name: 'half-open: the server is gone, and nobody says so',
    async apply({ proxy, server }) {
      proxy.apply(halfOpen())
      await server.kill()
    },
    async heal({ proxy, server }) {
      await server.restart()
      proxy.heal()
    },
    loss: 'found out',
    lasting: /a probe took longer/,
    costMs: 300,
  },
  {
    ...common,
    name: 'a black hole, both ways',
    apply: async ({ proxy }) => proxy.apply(blackHole()),
    loss: 'found out',
    lasting: /a probe took longer/,
    costMs: 300,
  },
  {
    ...common,
    name: 'a black hole for replies: the server does what it is told',
    apply: async ({ proxy }) => proxy.apply(down(blackHole())),
    loss: 'found out',
    lasting: /a probe took longer/,
    costMs: 300,
  },
  {
    ...common,
    name: 'replies come byte by byte',
    apply: async ({ proxy }) => proxy.apply(down(trickle(1, 30))),
    loss: 'found out',
    lasting: /a probe took longer/,
    costMs: 300,
  },
  {
    ...common,
    name: 'a reply is cut off in the middle, with its connection',
    apply: async ({ proxy }) => proxy.apply(down(truncate(40))),
    loss: 'found out',
    costMs: 0,
  },
]
