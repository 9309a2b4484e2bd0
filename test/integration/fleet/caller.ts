import { createCache } from 'cachewell'
import { onParentMessage, tellParent } from '../../support/parent.ts'
import { sleep } from '../../support/real-time.ts'

/** What the parent asks of this process: to call one key so many times at once. */
export interface Round {
  readonly key: string
  readonly callers: number
  readonly loadMs: number
  /** What the load comes to. */
  readonly outcome: 'value' | 'null' | 'error'
}

const cache = createCache({ url: process.env.FLEET_REDIS_URL, prefix: 'fleet', logger: false })
let round: Round
let loads = 0

const load = cache.cached(
  async (key: string) => {
    loads++
    tellParent({ type: 'loading', key })
    await sleep(round.loadMs)
    if (round.outcome === 'error') throw new Error(`no ${key}`)
    return round.outcome === 'null' ? null : { key, by: process.pid }
  },
  { key: 'load', ttl: '1m' },
)

onParentMessage(async (message) => {
  round = message as Round
  loads = 0
  const outcomes = await Promise.allSettled(Array.from({ length: round.callers }, () => load(round.key)))
  const values = outcomes.map((one) => (one.status === 'fulfilled' ? (one.value?.by ?? 'null') : one.reason.message))
  tellParent({ type: 'done', key: round.key, loads, values: [...new Set(values)] })
})

await cache.get('connect')
tellParent({ type: 'ready' })
