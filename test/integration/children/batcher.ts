// Asks for the ids that it is told, and tells which of them its function is called for. The first calls of that last until
// it is told to let them go.
import { createCache } from 'cachewell'
import { onParentMessage, tellParent } from '../../support/parent.ts'

const cache = createCache({ url: process.env.URL_OF_STORE, prefix: 'batchers', logger: false, commandTimeout: '5s' })
let letGo = () => {}
const held = new Promise<void>((resolve) => {
  letGo = resolve
})
const users = cache.cachedMany(
  async (ids: number[]) => {
    tellParent({ type: 'loading', ids })
    await held
    return new Map(ids.map((id) => [id, { id, by: process.pid }]))
  },
  { key: 'user', ttl: '5m', maxBatch: 40 },
)
await cache.get('connected')
onParentMessage(async (message) => {
  if (message === 'let go') return letGo()
  const lists = message as number[][]
  tellParent({ type: 'answer', answers: await Promise.all(lists.map((ids) => users(ids))) })
})
tellParent({ type: 'ready' })
