import { must, requireObject, show } from './checks.ts'
import { checkDefaults } from './defaults.ts'
import type { CacheEngine, Home } from './engine.ts'
import { CacheConfigError, messageOf } from './errors.ts'
import { checkVersion, given, type Policy, type PolicyOf, type RawPolicy } from './policy.ts'
import { SHARED, type Tenant, tenantPart } from './tenant.ts'
import type { NamespaceOptions } from './types.ts'

/** A home for one tenant, whoever calls. @throws CacheConfigError */
export function ofTenant(home: Home, tenant: Tenant | false): Home {
  let part = SHARED
  try {
    if (tenant !== false) part = tenantPart(tenant)
  } catch (error) {
    throw new CacheConfigError(
      `tenant() takes the name of one, or false for what belongs to nobody: ${messageOf(error)}`,
    )
  }
  return {
    ...home,
    names: { claim: (implied, owner) => home.names.claim(implied, owner) },
    engine: () => home.engine(),
    tenant: part,
  }
}

const NAME = /^[\w.@/+$-]{1,60}$/

/** A home for functions that have keys, and defaults, of their own. @throws CacheConfigError */
export function ofNamespace(home: Home, name: string, options: NamespaceOptions = {}): Home {
  const place = `namespace(${show(name)})`
  must(
    typeof name === 'string' && NAME.test(name),
    `${place}: a namespace is a word of up to 60 letters, digits and _ . @ / + - $, such as 'billing'`,
  )
  requireObject(options, place, "namespace('billing', { jitter: 0.1 })")
  const { version, ...defaults } = options
  const outer = home.namespace
  const own = checkDefaults(defaults, place, knownDefaults(home))
  const keys = `${outer?.keys ?? ''}${name}^`
  return {
    ...home,
    engine: () => home.engine(),
    // Two namespaces may have functions of one name; one namespace that is asked for twice may not.
    names: { claim: (implied, owner) => home.names.claim(`${name}^${implied}`, owner) },
    namespace: {
      keys,
      version: `${outer?.version ?? ''}${checkVersion(version, `${place}: version`)}/`,
      defaults: own,
    },
  }
}

/** The options of a function, and for what they leave out the defaults that are known by now. */
export function completed(home: Home, options: RawPolicy): RawPolicy {
  return { ...knownDefaults(home), ...given(options) }
}

function knownDefaults(home: Home): RawPolicy {
  return { ...(home.settled ? home.engine().common?.defaults : undefined), ...home.namespace?.defaults }
}

/** The same of a cache, whose engine may be at hand. */
export type PolicyIn = (...call: [...Parameters<PolicyOf>, engine?: CacheEngine]) => Policy

/**
 * The policy as its cache has it, which settles it at calls. Functions of the default cache are declared before its options
 * are known, and a test may put another engine in its place.
 */
export function policyIn(home: Home, declared: Policy): PolicyIn {
  let known: CacheEngine['settle'] | undefined
  let settled: Policy | PolicyOf = declared
  return (self, wrapper, { settle } = home.engine()) => {
    if (settle !== known) {
      settled = settle(home, declared)
      known = settle
    }
    return typeof settled === 'function' ? settled(self, wrapper) : settled
  }
}
