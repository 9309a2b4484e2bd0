import { defaultCache } from 'cachewell'

/** Listens from now on; the function it returns says in one line where answers are kept. */
export function storeInUse(): () => string {
  let state: 'ready' | 'lost' | 'failed' | undefined
  let reason = 'no answer yet'
  defaultCache.on((event) => {
    if (event.type !== 'connection') return
    state = event.state
    reason = event.error?.message ?? reason
  })
  return () => {
    const { REDIS_URL } = process.env
    if (!REDIS_URL) return 'Store: memory of this process (set REDIS_URL to keep the answers in Redis)'
    // Only the host: the URL may hold a password.
    const { host } = new URL(REDIS_URL)
    if (state === 'ready') return `Store: Redis at ${host}`
    return (
      `Store: none. REDIS_URL is set, but Redis cannot be reached at ${host}\n` +
      `(${reason}). The demo goes on without it: answers come from the database.`
    )
  }
}
