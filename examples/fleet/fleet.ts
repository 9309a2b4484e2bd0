import { AsyncLocalStorage } from 'node:async_hooks'
import type { Cache, Tier } from 'cachewell'
import type { FleetDatabase, Sums } from './database.ts'

type Origin = 'materialised view' | 'base tables'

/** Who has answered. The cache is one layer, or two: `near` is a copy of what `redis` holds. */
export type Layer = Tier | Origin

export interface Summary extends Sums {
  readonly layer: Layer
}

const LAYERS: readonly Layer[] = ['near', 'redis', 'memory', 'materialised view', 'base tables']

/**
 * Sums of vehicles: from the cache, else from the view, else, where the view is out of date, added up.
 *
 * @param cache - without tenants and namespaces: events name keys with both, `keyFor` without
 */
export function fleetOver(database: FleetDatabase, cache: Cache) {
  /** Of one query, the tier of each key that was found. */
  const underWay = new AsyncLocalStorage<Map<string, Tier>>()
  cache.on((event) => {
    if (event.type === 'hit') underWay.getStore()?.set(event.key, event.tier)
  })

  const sums = cache.cachedMany(
    async (ids: number[]) => {
      const current = await database.currentInView(ids)
      const known = new Set(current.map(({ vehicleId }) => vehicleId))
      const others = ids.filter((id) => !known.has(id))
      const added = others.length > 0 ? await database.fromTables(others) : []
      return new Map([...current.map(madeBy('materialised view')), ...added.map(madeBy('base tables'))])
    },
    { key: 'sums', ttl: '10m', jitter: 0.1, maxBatch: 500 },
  )

  /** In the order of the ids; `undefined` where there is no such vehicle. */
  async function summaries(ids: readonly number[]): Promise<(Summary | undefined)[]> {
    const tiers = new Map<string, Tier>()
    const found = await underWay.run(tiers, () => sums(ids))
    const answers = found.map((made) => {
      if (!made) return undefined
      const { origin, ...rest } = made
      return { ...rest, layer: tiers.get(sums.keyFor(rest.vehicleId) ?? '') ?? origin }
    })
    await count(answers.flatMap((answer) => answer?.layer ?? []))
    return answers
  }

  async function addTrip(vehicleId: number, km: number): Promise<void> {
    await database.addTrip(vehicleId, km)
    await sums.invalidate([vehicleId])
  }

  /** Counted for the whole fleet of processes. Each counter ends a day after its first answer. */
  async function count(layers: readonly Layer[]): Promise<void> {
    const counts = new Map<Layer, number>()
    for (const layer of layers) counts.set(layer, (counts.get(layer) ?? 0) + 1)
    await Promise.all([...counts].map(([layer, by]) => cache.increment(['answers', layer], by, { ttl: '1d' })))
  }

  /** How many answers each layer has given. */
  async function answersByLayer(): Promise<Partial<Record<Layer, number>>> {
    const counts = await cache.getMany<number>(LAYERS.map((layer) => ['answers', layer]))
    return Object.fromEntries(LAYERS.map((layer, i) => [layer, counts[i]] as const).filter(([, n]) => n !== undefined))
  }

  return { summaries, addTrip, answersByLayer }
}

const madeBy = (origin: Origin) => (sums: Sums) => [sums.vehicleId, { ...sums, origin }] as const
