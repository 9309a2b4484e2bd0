import { CacheConfigError } from '../errors.ts'
import type { RedisClient } from './client.ts'

/**
 * An ioredis client or `Cluster` (5 or 6), or an ioredis-mock. It serves as a recipe: the cache opens its own duplicate of it, with
 * its own options for queues and retries, and never touches the one that was given.
 */
export interface RedisClientLike {
  duplicate(...args: never[]): unknown
  defineCommand(...args: never[]): unknown
}

/** @throws CacheConfigError for a client that is none, or whose options would make the cache wrong */
export function checkClient(given: RedisClientLike): RedisClient {
  const client = given as unknown as RedisClient
  if (typeof client?.duplicate !== 'function' || typeof client.defineCommand !== 'function') {
    throw new CacheConfigError("client must be an ioredis client: write client: new Redis('redis://…')")
  }
  const { scaleReads } = client.options ?? {}
  if (scaleReads !== undefined && scaleReads !== 'master') {
    throw new CacheConfigError(
      "client reads from replicas (scaleReads), which would bring back what was invalidated: write scaleReads: 'master'",
    )
  }
  if (client.options?.keyPrefix) {
    throw new CacheConfigError(
      `client has the keyPrefix '${client.options.keyPrefix}', which scans would not see: give the cache a prefix instead`,
    )
  }
  return client
}
