import { messageOf, NoTenantError } from './errors.ts'
import { encodePart, shorten } from './key.ts'
import { isTooLate } from './too-late.ts'

/** Whose data a call is about. A number is the same tenant as its digits. */
export type Tenant = string | number | bigint

/**
 * Tells the tenant of the running code, or nothing where there is none. It is asked at every call, so it has to answer at
 * once: out of an `AsyncLocalStorage`, for instance.
 */
export type TenantResolver = () => Tenant | null | undefined

/** What belongs to nobody, in a cache that has tenants. An empty name is no tenant's. */
export const SHARED = '^:'

/**
 * What the keys and tags of a tenant begin with. The `^` cannot be in any other key or tag: spelled or not, it is escaped
 * there. The name is data, so it holds no colon: where the part ends is certain.
 *
 * @throws NoTenantError for what names nobody
 */
export function tenantPart(tenant: unknown): string {
  if (typeof tenant === 'string' && tenant !== '') return `^${shorten(encodePart(tenant, 'the tenant'))}:`
  // Not any number: NaN is what becomes of a header that is not there.
  if (typeof tenant === 'bigint' || Number.isSafeInteger(tenant)) return tenantPart(`${tenant}`)
  throw new NoTenantError(whyNot(tenant))
}

/** Asks the resolver at each call. What it throws is a missing tenant. */
export function tenantOf(resolve: TenantResolver): () => string {
  return () => {
    let tenant: unknown
    try {
      tenant = resolve()
    } catch (error) {
      throw new NoTenantError(`the option tenant threw: ${messageOf(error)}`)
    }
    return tenantPart(tenant)
  }
}

/** What was given instead is not repeated: it may be anything of a request. */
function whyNot(tenant: unknown): string {
  if (tenant === undefined || tenant === null || tenant === '') return 'there is no tenant'
  return isTooLate(tenant)
    ? 'the option tenant returned a promise: it has to answer at once'
    : `a tenant is a word or a whole number, not of type ${typeof tenant}`
}
