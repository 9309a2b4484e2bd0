// Warms when it is told to, and tells what its function is run with. The first runs last until it is told to let them go.
import { createCache } from 'cachewell'
import { onParentMessage, tellParent } from '../../support/parent.ts'

const cache = createCache({ url: process.env.URL_OF_STORE, prefix: 'warmers', logger: false })
let letGo = () => {}
const held = new Promise<void>((resolve) => {
  letGo = resolve
})
const call = cache.cached(
  async (id: number) => {
    tellParent({ type: 'loading', id })
    await held
    await new Promise((resolve) => setTimeout(resolve, 20))
    return { id }
  },
  { key: 'item', ttl: '5m' },
)
await cache.get('connected')
onParentMessage(async (message) => {
  if (message === 'let go') return letGo()
  const lists = Array.from({ length: Number(process.env.COUNT) }, (_, id) => [id] as [number])
  tellParent({ type: 'warmed', result: await cache.warm(call, lists) })
  await cache.close()
  process.stdin.destroy()
})
tellParent({ type: 'ready' })
