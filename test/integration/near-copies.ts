import { until } from '../support/until.ts'
import type { OpenedCache } from './open-cache.ts'

/** Where the last hit came from. */
export const lastTier = ({ of }: OpenedCache) => of('hit').at(-1)?.tier

/** Calls until a copy is what answers; what it then is. */
export async function becomesNear<T>(opened: OpenedCache, call: () => Promise<T>): Promise<T> {
  const isNear = async () => {
    const before = opened.of('hit').length
    await call()
    return opened.of('hit').length > before && lastTier(opened) === 'near'
  }
  await until(isNear, { label: 'a hit from the near cache' })
  return call()
}
