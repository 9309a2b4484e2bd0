import { Redis } from 'ioredis'
import type { SpeedAdapter } from '../settings.ts'

/** One client, GET and JSON.parse. The key is made of the argument. */
const handWritten: SpeedAdapter = async (url, load, ttlMs) => {
  const redis = new Redis(url)
  return async (id) => {
    const key = `item:${id}`
    const text = await redis.get(key)
    if (text !== null) return JSON.parse(text)
    const value = await load(id)
    await redis.set(key, JSON.stringify(value), 'PX', ttlMs)
    return value
  }
}

export default handWritten
