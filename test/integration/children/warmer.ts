// Warms when it is told to, and tells which arguments its function was run with.
import { createCache } from 'cachewell'
import { onParentMessage, tellParent } from '../../support/parent.ts'

const cache = createCache({ url: process.env.URL_OF_STORE, prefix: 'warmers', logger: false })
const loaded: number[] = []
const call = cache.cached(
  async (id: number) => {
    loaded.push(id)
    await new Promise((resolve) => setTimeout(resolve, 20))
    return { id }
  },
  { key: 'item', ttl: '5m' },
)
await cache.get('connected')
onParentMessage(async () => {
  const lists = Array.from({ length: 100 }, (_, id) => [id] as [number])
  const result = await cache.warm(call, lists)
  tellParent({ type: 'warmed', loaded, result })
  await cache.close()
  process.stdin.destroy()
})
tellParent({ type: 'ready' })
