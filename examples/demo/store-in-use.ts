import { defaultCache } from 'cachewell'

export interface Store {
  readonly name: string
  /** What to do about it, or what is wrong with it. */
  readonly hint: string
}

/** Listens from now on; the function it returns says where answers are kept. */
export function storeInUse(near: boolean): () => Store {
  let state: 'ready' | 'lost' | 'failed' | undefined
  let reason = 'no answer yet'
  defaultCache.on((event) => {
    if (event.type !== 'connection') return
    state = event.state
    reason = event.error?.message ?? reason
  })
  return () => {
    const { REDIS_URL } = process.env
    if (!REDIS_URL) return { name: 'memory of this process', hint: 'Set REDIS_URL to keep the answers in Redis.' }
    const hosts = hostsOf(REDIS_URL)
    if (state === 'ready') {
      return near
        ? { name: `Redis at ${hosts}, with near copies in this process`, hint: '' }
        : { name: `Redis at ${hosts}`, hint: 'With --near, copies of what was read are kept in this process, too.' }
    }
    return {
      name: 'none',
      hint: `REDIS_URL is set, but Redis cannot be reached at ${hosts}\n(${reason}). The demo goes on without it.`,
    }
  }
}

/** Only the hosts, of which there may be several: the URL may hold a password. */
function hostsOf(url: string): string {
  return url.replace(/^[^:]*:\/\/(.*@)?/, '').replace(/[/?#].*$/, '')
}
