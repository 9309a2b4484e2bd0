import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { sleep } from '../../../support/real-time.ts'
import type { Load } from '../../contestants.ts'

const LOCK_MS = 5_000
const POLL_MS = 50
const UNLOCK = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`

/** What a careful person writes without a library: one promise per key in the process, one lock per key in Redis. */
export default async function handWritten(url: string, load: Load, ttlMs: number): Promise<Load> {
  const redis = new Redis(url)
  const inFlight = new Map<string, Promise<unknown>>()

  async function stored(key: string): Promise<unknown> {
    const text = await redis.get(`value:${key}`)
    return text === null ? undefined : JSON.parse(text)
  }

  async function loadLocked(key: string): Promise<unknown> {
    const found = await stored(key) // It may have been stored between our read and our lock.
    if (found !== undefined) return found
    const value = await load(key)
    await redis.set(`value:${key}`, JSON.stringify(value), 'PX', ttlMs)
    return value
  }

  async function find(key: string): Promise<unknown> {
    const token = randomUUID()
    for (;;) {
      const found = await stored(key)
      if (found !== undefined) return found
      if (await redis.set(`lock:${key}`, token, 'PX', LOCK_MS, 'NX')) {
        return await loadLocked(key).finally(() => redis.eval(UNLOCK, 1, `lock:${key}`, token))
      }
      await sleep(POLL_MS)
    }
  }

  return (key) => {
    const running = inFlight.get(key)
    if (running) return running
    const finding = find(key).finally(() => inFlight.delete(key))
    inFlight.set(key, finding)
    return finding
  }
}
