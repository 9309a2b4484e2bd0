import type { Home } from './engine.ts'
import type { Policy } from './policy.ts'
import type { Space } from './space.ts'
import { SHARED } from './tenant.ts'

const ANY = { shared: false }

/**
 * Where a call of this moment reads and writes. Tags are those of all namespaces: what they name may be kept in several.
 *
 * @param of - a function, which may be of those that belong to no tenant
 * @throws NoTenantError
 */
export function spaceOf(home: Home, of: Pick<Policy, 'shared'> = ANY): Space {
  const tenant = tenantFor(home, of)?.() ?? ''
  return { keys: tenant + (home.namespace?.keys ?? ''), tags: tenant, version: home.namespace?.version ?? '' }
}

/** {@link spaceOf} this moment, for what is done later: a method may run for another tenant when it has awaited. */
export function spaceNow(home: Home, of?: Pick<Policy, 'shared'>): () => Space {
  return answerNow(() => spaceOf(home, of))
}

/** What is answered this moment, or thrown, for who asks later. */
export function answerNow<T>(ask: () => T): () => T {
  try {
    const answer = ask()
    return () => answer
  } catch (error) {
    return () => {
      throw error
    }
  }
}

export function tenantFor(home: Home, { shared }: Pick<Policy, 'shared'>): (() => string) | undefined {
  const { tenant } = home
  const running = home.engine().common?.tenant
  if (shared) return tenant === undefined && running === undefined ? undefined : () => SHARED
  return tenant === undefined ? running : () => tenant
}
