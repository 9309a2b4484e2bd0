import type { Clock } from './clock.ts'
import { entryHead } from './entry.ts'
import { CacheTroubleError } from './errors.ts'
import { CACHE_CLOSED, type Guard } from './guard.ts'
import type { KeyedCall } from './keyed-call.ts'
import type { Noted } from './storing.ts'

/** How long a lease stands without being renewed. */
export const LEASE_MS = 5_000
const RENEW_EVERY_MS = 2_000
/** A load that takes longer is given up on by the others. */
export const MAX_HELD_MS = 60_000
/** How long "not to be stored" is remembered, and how long a failed refresh keeps others from trying. */
export const PASS_MS = 1_000
const PAUSE_AFTER_FAILURE_MS = 5_000

/** The right to load and to store, and what the entry will have to note. */
export interface Lease {
  /** What has to stand at the key when the result is stored. */
  readonly head: string
  readonly noted: Noted
  /** Keeps it while the load runs; returns a function that ends that. */
  keep(): () => void
  /** After the result was stored. */
  done(): Promise<void>
  /** When there is nothing to store. True: nothing was invalidated until now. */
  giveUp(why: 'uncacheable' | 'superseded' | 'failed'): Promise<boolean>
}

/** A lease by placeholder, for a key without a value that could be served. */
export function placeholderLease(call: KeyedCall, token: string, noted: Noted, guard: Guard, clock: Clock): Lease {
  const { tier, key, policy } = call
  const passMs = { uncacheable: PASS_MS, superseded: undefined, failed: policy.errorMs ?? PASS_MS }
  return {
    head: entryHead('lease', token),
    noted,
    keep: () => keepRenewed(call, call.key, token, guard, clock),
    async done() {},
    async giveUp(why) {
      const release = () => tier.driver.release(key, token, passMs[why])
      return (await guard('release', policy.name, release)) === true && why !== 'superseded'
    },
  }
}

/** The right to renew a value that goes on being served: settled beside it, and stored only where it still stands. */
export function election(
  call: KeyedCall,
  seat: string,
  token: string,
  head: string,
  noted: Noted,
  guard: Guard,
  clock: Clock,
): Lease {
  const { tier, policy } = call
  const beside = liveValueLease(call, head, noted, guard)
  const resign = async (pauseMs?: number) => {
    await guard('resign', policy.name, () => tier.driver.resign(seat, token, pauseMs))
  }
  return {
    ...beside,
    keep: () => keepRenewed(call, seat, token, guard, clock),
    done: () => resign(),
    async giveUp(why) {
      const stood = await beside.giveUp(why)
      await resign(why === 'failed' ? (policy.errorMs ?? PAUSE_AFTER_FAILURE_MS) : undefined)
      return stood
    },
  }
}

/** The right to replace what stands, a value mostly, without having asked anybody: for `refresh()`. */
export function liveValueLease(call: KeyedCall, head: string, noted: Noted, guard: Guard): Lease {
  return {
    head,
    noted,
    keep: () => () => {},
    async done() {},
    async giveUp(why) {
      // The function has answered, and what it said is not kept: what it said before is not served any more. What stands
      // there by now instead, another's lease perhaps, stays.
      if (why !== 'uncacheable') return false
      return (await guard('retract', call.policy.name, () => call.tier.driver.retract(call.key, head))) === true
    },
  }
}

function keepRenewed({ tier, policy }: KeyedCall, key: string, token: string, guard: Guard, clock: Clock): () => void {
  const began = clock.now()
  let ended = false
  let timer = schedule()

  function schedule() {
    const next = clock.setTimeout(renew, RENEW_EVERY_MS)
    next.unref?.()
    return next
  }
  async function renew() {
    if (clock.now() - began > (policy.hardTimeoutMs ?? MAX_HELD_MS)) return
    const kept = await guard('renew', policy.name, () => tier.driver.renew(key, token, LEASE_MS))
    // Lost for good; a time-out says nothing, so the next turn may still save it.
    const unknown = kept instanceof CacheTroubleError && kept.code !== CACHE_CLOSED
    if (!ended && (kept === true || unknown)) timer = schedule()
  }
  return () => {
    ended = true
    clock.clearTimeout(timer)
  }
}
