import type { Redis } from 'ioredis'

/** What one would write: the number that was removed. */
export async function removeByHand(client: Redis, pattern: string): Promise<number> {
  let cursor = '0'
  let removed = 0
  do {
    const [next, keys] = await client.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000)
    if (keys.length > 0) removed += await client.unlink(keys)
    cursor = next
  } while (cursor !== '0')
  return removed
}
