import { byOwner } from './by-owner.ts'
import type { Home } from './engine.ts'
import { messageOf } from './errors.ts'
import type { KeyPlan } from './key-plan.ts'
import { levels } from './levels.ts'
import type { Policy, PolicyOf } from './policy.ts'
import { tenantFor } from './space-now.ts'

/** The policy of a function's calls as its cache has it: with the cache's defaults, in its tenant and its namespace. */
export function settle(home: Home, declared: Policy): Policy | PolicyOf {
  const { ofClass } = declared
  return ofClass ? byOwner(declared, ofClass, (policy) => settled(home, policy)) : settled(home, declared)
}

function settled(home: Home, declared: Policy): Policy {
  const policy = withDefaults(home, declared)
  const tenant = tenantFor(home, declared)
  const keys = home.namespace?.keys ?? ''
  const version = levels(home.engine().common?.version ?? '', home.namespace?.version ?? '') + policy.version
  const { plan } = declared
  const space = tenant ? () => tenant() + keys : keys === '' ? undefined : () => keys
  return Object.freeze({
    ...policy,
    plan: space ? planIn(space, plan) : plan,
    name: keys + declared.name,
    version,
    tagSpace: tenant,
  })
}

/** Where a function is declared before the defaults are known, what contradicts them can no longer be thrown. */
function withDefaults(home: Home, declared: Policy): Policy {
  const { common, events } = home.engine()
  if (home.settled || common === undefined || Object.keys(common.defaults).length === 0) return declared
  try {
    return declared.withDefaults(common.defaults)
  } catch (error) {
    const { name } = declared
    const message = `${name} goes without the defaults of the cache: ${messageOf(error)}`
    events.emit({ type: 'notice', code: 'defaults', level: 'error', name, message })
    return declared
  }
}

/** What names every key stays as it is: below the space. */
function planIn(space: () => string, plan: KeyPlan): KeyPlan {
  return {
    ...plan,
    derive: (self, args) => space() + plan.derive(self, args),
    spell: (self, args) => space() + plan.spell(self, args),
  }
}
