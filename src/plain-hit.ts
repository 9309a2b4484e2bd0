import { inCommitScope } from './commit-scope.ts'
import type { CallPath } from './engine.ts'
import type { PackRules } from './packing.ts'
import type { Surroundings } from './read-through.ts'

/**
 * The short way of a call: a plain hit on what is in this process, for which nothing has to be made, not even the call. It
 * finds nothing where there is more to it, or where somebody wants to hear of it: then the call goes its whole path.
 */
export function plainHits({ events, tierOf }: Surroundings, rules: PackRules): CallPath['hit'] {
  return (policy, self, args) => {
    if (!policy.plain || events.heard || inCommitScope()) return undefined
    const tier = tierOf(policy.tier)
    if (tier instanceof Promise) return undefined
    const { driver } = tier
    if (driver.find === undefined) return undefined
    try {
      const body = driver.find(policy.plan.spell(self, args), policy.version)
      if (body === undefined) return undefined
      const value = driver.packing.unpack(body, rules)
      events.countHit(driver.name === 'redis')
      return Promise.resolve(value)
    } catch {
      // Whatever it was, it is met again, and reported, on the whole path.
      return undefined
    }
  }
}
