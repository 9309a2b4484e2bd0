import { createCache } from 'cachewell'

export const cache = createCache({ url: process.env.REDIS_URL || 'memory:', prefix: 'driver-safety-example' })

/** Everything that was computed from this driver's incidents. */
export const ofDriver = (id: number) => `driver:${id}`

/** Everything that was computed from the incidents of this month. */
export const ofMonth = (month: string) => `month:${month}`

export const monthOf = (date: string) => date.slice(0, 7)
