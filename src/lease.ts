import type { Clock } from './clock.ts'
import type { Driver } from './drivers/driver.ts'
import { CacheTroubleError } from './errors.ts'
import type { Guard } from './guard.ts'

/** How long a lease stands without being renewed. */
export const LEASE_MS = 5_000
const RENEW_EVERY_MS = 2_000
/** A load that takes longer is given up on by the others. */
const MAX_HELD_MS = 60_000
/** How long "not to be stored" is remembered. */
export const PASS_MS = 1_000

/** Keeps the lease while a load runs. Returns a function that ends it. */
export function keepLease(
  driver: Driver,
  key: string,
  token: string,
  name: string,
  guard: Guard,
  clock: Clock,
): () => void {
  const began = clock.now()
  let ended = false
  let timer = schedule()

  function schedule() {
    const next = clock.setTimeout(renew, RENEW_EVERY_MS)
    next.unref?.()
    return next
  }
  async function renew() {
    if (clock.now() - began > MAX_HELD_MS) return
    const kept = await guard('renew', name, () => driver.renew(key, token, LEASE_MS))
    // Lost for good; a time-out says nothing, so the next turn may still save it.
    if (!ended && (kept === true || kept instanceof CacheTroubleError)) timer = schedule()
  }
  return () => {
    ended = true
    clock.clearTimeout(timer)
  }
}
