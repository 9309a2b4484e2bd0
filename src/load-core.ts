import type { Core } from './engine.ts'
import { environment } from './environment.ts'
import type { Events } from './events.ts'
import type { ResolvedOptions } from './options.ts'
import { loadIoredisAhead } from './redis/ahead.ts'

/**
 * The one dynamic import of a first call. Where it is known already that there is a Redis, all that is needed for it is
 * loaded at the same time: one after the other would take as long as all of them.
 */
export async function loadCore(options: ResolvedOptions, events: Events): Promise<Core> {
  const onRedis = () => import('./core-on-redis.ts')
  const { makeCore } = await (isOnRedis(options) ? onRedis() : import('./core.ts'))
  return makeCore(options, events, async () => (await onRedis()).openRedis)
}

function isOnRedis({ url, client }: ResolvedOptions): boolean {
  if (client) return true
  const { CACHE_URL, REDIS_URL } = environment()
  const source = url ?? (CACHE_URL || REDIS_URL)
  const named = typeof source === 'string' && /^redis/i.test(source)
  if (named) loadIoredisAhead()
  return named
}
