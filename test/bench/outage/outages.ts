import type { RedisServer } from '../../support/redis-server.ts'
import { down, latency, type TcpProxy } from '../../support/tcp-proxy.ts'

/** What goes wrong with a Redis. */
export interface Outage {
  readonly title: string
  /** Where clients connect to. */
  url(place: Place): string
  strike(place: Place): Promise<void> | void
  /** Resolves when it is over: the server answers. */
  heal(place: Place): Promise<void> | void
}

/** A server that one contestant has to itself, and a way to it that can be made slow. */
export interface Place {
  readonly redis: RedisServer
  readonly proxy: TcpProxy
}

export const SLOW_MS = 100

export const REFUSED: Outage = {
  title: 'Redis refuses connections: it was killed',
  url: ({ redis }) => redis.url,
  strike: ({ redis }) => redis.kill(),
  heal: ({ redis }) => redis.restart(),
}

export const HUNG: Outage = {
  title: 'Redis hangs: it was stopped, and its connections stay open',
  url: ({ redis }) => redis.url,
  strike: ({ redis }) => redis.pause(),
  heal: ({ redis }) => redis.resume(),
}

export const SLOW: Outage = {
  title: `Redis is slow: each reply comes ${SLOW_MS} ms late`,
  url: ({ redis, proxy }) => proxy.via(redis.url),
  strike: ({ proxy }) => void proxy.apply(down(latency(SLOW_MS))),
  heal: ({ proxy }) => proxy.heal(),
}
