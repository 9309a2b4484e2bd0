import { type RedisDriverOptions, redisDriver } from '../drivers/redis.ts'
import type { StoreTier } from '../tier.ts'
import { type RedisClient, recipeFromClient, recipeFromUrl, secretsOf } from './client.ts'
import { coalesceReads } from './coalesce.ts'

type Place =
  | { readonly store: 'redis'; readonly url: string }
  | { readonly store: 'client'; readonly client: RedisClient }

/** A Redis as the path of a call uses it. The module behind the one dynamic import of the core. */
export function openRedis(options: Omit<RedisDriverOptions, 'recipe' | 'secrets'> & Place): StoreTier {
  const { connectTimeoutMs } = options
  const driver = redisDriver({
    ...options,
    recipe:
      options.store === 'client'
        ? recipeFromClient(options.client, connectTimeoutMs)
        : recipeFromUrl(options.url, connectTimeoutMs),
    secrets: secretsOf(options.store === 'client' ? options.client : options.url),
  })
  return { driver, read: coalesceReads((keys) => driver.readMany(keys)), flights: new Map(), renewing: new Set() }
}
