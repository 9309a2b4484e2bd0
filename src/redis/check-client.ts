import { CacheConfigError } from '../errors.ts'
import type { RedisClient } from './client.ts'

/**
 * An ioredis client (5 or 6) or an ioredis-mock. It serves as a recipe: the cache opens its own duplicate of it, with
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
    throw new CacheConfigError(
      "client must be an ioredis client (ioredis 5 or 6, or ioredis-mock): write client: new Redis('redis://…')",
    )
  }
  if ('isCluster' in client && client.isCluster) {
    throw new CacheConfigError('client is a Cluster, which this version does not support: give a client of one Redis')
  }
  if (client.options?.keyPrefix) {
    throw new CacheConfigError(
      `client has the keyPrefix '${client.options.keyPrefix}', which scans and scripts would not see: ` +
        'leave it out there and give the cache a prefix instead',
    )
  }
  return client
}
