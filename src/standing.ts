import type { EntryHeader } from './entry.ts'
import type { Policy } from './policy.ts'

/**
 * What may be done with a value, whatever it holds. `fresh`: served. `stale`: served, and renewed in the background.
 * `spare`: served when the function fails. The others: it is as if it were not there.
 */
export type Standing = 'fresh' | 'stale' | 'spare' | 'version' | 'expired'

type Rules = Pick<Policy, 'version' | 'revalidateMs' | 'ifErrorMs' | 'keepStaleMs'>

/** @param now - by the store's clock */
export function standingOf(header: EntryHeader, policy: Rules, now: number): Standing {
  if (header.version !== policy.version) return 'version'
  const staleMs = now - header.softExpiresAt
  const stale = staleMs >= 0 || header.expired
  const keptMs = header.expired ? policy.ifErrorMs : policy.keepStaleMs
  if (header.hardExpiresAt <= now || (stale && Math.max(0, staleMs) >= keptMs)) return 'expired'
  if (!stale) return 'fresh'
  return header.expired || staleMs >= policy.revalidateMs ? 'spare' : 'stale'
}
