import type { Removal } from './drivers/driver.ts'
import { CacheTroubleError } from './errors.ts'
import type { Guard } from './guard.ts'
import type { InvalidateResult } from './invalidation.ts'
import type { StoreTier } from './tier.ts'

/** Removes from every tier. One that cannot do it now does so before it serves anything. */
export async function removeFrom(
  tiers: readonly StoreTier[],
  removal: Removal,
  guard: Guard,
): Promise<InvalidateResult> {
  let removed = 0
  let deferred = false
  for (const { driver } of tiers) {
    const count = await guard('invalidate', 'invalidate', () => driver.invalidate(removal))
    if (count instanceof CacheTroubleError) {
      driver.defer(removal)
      deferred = true
    } else removed += count
  }
  return { removed, deferred }
}
