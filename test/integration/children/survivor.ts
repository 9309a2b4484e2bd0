// Calls a cached function all the time, while the parent does things to Redis, and tells what it sees.
import { createCache } from 'cachewell'
import { onParentMessage, tellParent } from '../../support/parent.ts'

const unhandled: string[] = []
const warnings: string[] = []
process.on('unhandledRejection', (error) => unhandled.push(String(error)))
process.on('warning', (warning) => warnings.push(String(warning)))

const cache = createCache({ url: process.env.URL_OF_STORE, prefix: 'survivor', logger: false })
let awaitsHit = true
cache.on((event) => {
  if (event.type === 'hit' && awaitsHit) {
    awaitsHit = false
    // Looked at when the calls of this turn are over.
    setTimeout(() => tellParent({ type: 'hit', ...census() }), 20)
  }
  if (event.type !== 'connection' || event.state !== 'lost') return
  awaitsHit = true
  tellParent({ type: 'lost' })
})

const call = cache.cached(async () => Buffer.from('x'), { key: 'k', ttl: 60 })
let ended = false
onParentMessage(() => {})
process.stdin.on('end', () => {
  ended = true
})
while (!ended) {
  await call()
  await new Promise((resolve) => setTimeout(resolve, 5))
}
await cache.close()
tellParent({ type: 'end', unhandled, warnings })
process.stdin.destroy()

function census() {
  const sockets = process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
  return { sockets, listeners }
}
