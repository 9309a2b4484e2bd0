// As a whole: a bundle of ES modules may define a `require` of its own, and then it has a `createRequire` of its own as well.
import * as nodeModule from 'node:module'
import type { RedisClient } from './client.ts'

interface Ioredis {
  readonly Redis: new (...args: unknown[]) => RedisClient
}

/**
 * Loads ioredis, which nothing else does. It is CommonJS, and where it is required instead of imported, Node 20 and 22
 * have it ready sooner by a quarter or a third. In a bundle there may be nothing to require, or an old one of somebody
 * else: there it is a part of what is imported.
 */
export async function loadIoredis(): Promise<Ioredis> {
  try {
    const required: Partial<Ioredis> = nodeModule.createRequire(import.meta.url)('ioredis')
    if (required.Redis) return required as Ioredis
  } catch {}
  const imported = (await import('ioredis')) as unknown as Partial<Ioredis> & { readonly default: Ioredis }
  // A bundler that makes a chunk of its own of what is CommonJS exports the whole of it as the default, and no names.
  return imported.Redis ? (imported as Ioredis) : imported.default
}
