import { must, requireObject } from './checks.ts'
import { checkDefaults } from './defaults.ts'
import type { CacheEngine, Home } from './engine.ts'
import { CacheConfigError, messageOf, NoTenantError } from './errors.ts'
import type { KeyPlan } from './key-plan.ts'
import { given, type Policy, planVersion, type RawPolicy } from './policy.ts'
import type { Space } from './space.ts'
import { SHARED, type Tenant, tenantPart } from './tenant.ts'
import type { NamespaceOptions } from './types.ts'

const ANY = { shared: false }

/**
 * Where a call of this moment reads and writes. Tags are those of all namespaces: what they name may be kept in several.
 *
 * @param of - a function, which may be of those that belong to no tenant
 * @throws NoTenantError
 */
export function spaceOf(home: Home, of: Pick<Policy, 'shared'> = ANY): Space {
  const tenant = tenantFor(home, of)?.() ?? ''
  return { keys: tenant + (home.namespace?.keys ?? ''), tags: tenant, version: versionOf(home) }
}

/** One part for each level, also for those without a version: which version it is that has changed must be certain. */
function versionOf(home: Home): string {
  const { namespace } = home
  const versions = [home.engine().common?.version ?? '', ...(namespace?.versions ?? [])]
  return versions.some((version) => version !== '') ? versions.map((version) => `${version}/`).join('') : ''
}

/** {@link spaceOf} this moment, for what is done later: a method may run for another tenant when it has awaited. */
export function spaceNow(home: Home): () => Space {
  try {
    const space = spaceOf(home)
    return () => space
  } catch (error) {
    return () => {
      throw error
    }
  }
}

/** Does something with keys of the running tenant. Where there is none, nothing is stored either, and one notice says so. */
export function inSpace<T>(
  home: Home,
  what: string,
  use: (space: Space) => Promise<T>,
  without: T,
  of?: Pick<Policy, 'shared'>,
): Promise<T> {
  let space: Space
  try {
    space = spaceOf(home, of)
  } catch (error) {
    if (!(error instanceof NoTenantError)) throw error
    const message = `${what} did nothing, since ${error.message}`
    home.engine().events.emit({ type: 'notice', code: 'no-tenant', level: 'warn', name: what, message })
    return Promise.resolve(without)
  }
  return use(space)
}

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
  return { ...home, engine: () => home.engine(), tenant: part }
}

const NAME = /^[\w.@/+$-]{1,60}$/

/** A home for functions that have keys, and defaults, of their own. @throws CacheConfigError */
export function ofNamespace(home: Home, name: string, options: NamespaceOptions = {}): Home {
  const place = `namespace(${JSON.stringify(name)})`
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
      versions: [...(outer?.versions ?? []), planVersion(version, place)],
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

/**
 * The policy as its cache has it. Functions of the default cache are declared before its options are known, and a test may
 * put another engine in its place: it is asked for at calls there, and else at once.
 */
export function policyIn(home: Home, declared: Policy): () => Policy {
  let settled = declared
  let known: CacheEngine | undefined
  const policyOf = () => {
    const engine = home.engine()
    if (engine !== known) {
      settled = settle(home, declared)
      known = engine
    }
    return settled
  }
  if (home.settled) policyOf()
  return policyOf
}

function settle(home: Home, declared: Policy): Policy {
  const policy = withDefaults(home, declared)
  const tenant = tenantFor(home, declared)
  const keys = home.namespace?.keys ?? ''
  const version = versionOf(home) + policy.version
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

function tenantFor(home: Home, { shared }: Pick<Policy, 'shared'>): (() => string) | undefined {
  const { tenant } = home
  const running = home.engine().common?.tenant
  if (shared) return tenant === undefined && running === undefined ? undefined : () => SHARED
  return tenant === undefined ? running : () => tenant
}

/** What names every key stays as it is: below the space. */
function planIn(space: () => string, plan: KeyPlan): KeyPlan {
  return {
    ...plan,
    derive: (self, args) => space() + plan.derive(self, args),
    spell: (self, args) => space() + plan.spell(self, args),
  }
}
