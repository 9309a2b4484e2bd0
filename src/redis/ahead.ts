import { environment } from '../environment.ts'
import type { ResolvedOptions } from '../options.ts'

/**
 * Begins to load, where it is known already that there is a Redis, what is needed for it: one after the other, each of
 * them would have the first call wait. What goes wrong is for those to see who ask for it again.
 */
export function loadRedisAhead({ url, client }: ResolvedOptions): void {
  const { CACHE_URL, REDIS_URL } = environment()
  const source = url ?? (CACHE_URL || REDIS_URL)
  const named = typeof source === 'string' && /^redis/i.test(source)
  if (!named && !client) return
  const ignore = () => {}
  import('./open.ts').catch(ignore)
  if (!client) import('ioredis').catch(ignore)
}
