import { Redis } from 'ioredis'
import type { Load } from '../../contestants.ts'

/** What most people write without a library, with the client as it comes. */
export default async function handWritten(url: string, load: Load, ttlMs: number): Promise<Load> {
  const redis = new Redis(url)
  return async (key) => {
    const text = await redis.get(key)
    if (text !== null) return JSON.parse(text)
    const value = await load(key)
    await redis.set(key, JSON.stringify(value), 'PX', ttlMs)
    return value
  }
}
