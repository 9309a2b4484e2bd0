import { Events } from '../../src/events.ts'
import { Loading } from '../../src/loading.ts'
import { Reading } from '../../src/reading.ts'
import { Journal } from '../../src/redis/journal.ts'
import { NearCopies } from '../../src/redis/near-copies.ts'
import { Tracking } from '../../src/redis/tracking.ts'
import { now } from './history.ts'

/** Under what right a load runs. */
export interface Right {
  readonly why: string
  /** When the lease was asked for, where it stands in the key itself. */
  readonly leaseAskedAt?: number
}

const BYPASS: Right = { why: 'bypass' }
let next: Right | undefined

/** To be called by a loader as the first thing it does. */
export function rightToLoad(): Right {
  const right = next ?? BYPASS
  next = undefined
  return right
}

/**
 * Sees, without changing anything, under which lease a load is led: events tell it only afterwards, and not which of
 * several loads of a key they mean. A lease is asked for right after what stands at the key was judged.
 */
export function watchLeases(): void {
  const judgedAt = new WeakMap<object, number>()
  const { answer } = Reading.prototype
  Reading.prototype.answer = function (call, ...rest) {
    judgedAt.set(call, now())
    return answer.call(this, call, ...rest)
  }
  const { load } = Loading.prototype
  Loading.prototype.load = function (call, flight, lease, reason) {
    next = { why: reason, leaseAskedAt: lease?.head.startsWith('cw1 L') ? judgedAt.get(call) : undefined }
    return load.call(this, call, flight, lease, reason)
  }
}

/** Calls back whenever what was acknowledged lately is to be carried out once more: of that, events tell only the end. */
export function watchRevivals(onRevival: () => void): void {
  const { revive } = Journal.prototype
  Journal.prototype.revive = function (isConcerned) {
    onRevival()
    revive.call(this, isConcerned)
  }
}

/** Nobody hears of hits: they take the short way, as where nobody listens at all. */
export function leaveHitsUnheard(): void {
  Object.defineProperty(Events.prototype, 'heard', { get: () => false })
}

/** What near copies had to cope with: how often, so far. */
export interface NearTroubles {
  /** Reads of which a change was heard before their reply. */
  overtaken: number
  /** In vain it was asked whether everything had been heard. */
  unheard: number
}

/** Without changing anything. */
export function watchNear(): Readonly<NearTroubles> {
  const troubles: NearTroubles = { overtaken: 0, unheard: 0 }
  const { end } = NearCopies.prototype
  NearCopies.prototype.end = function (key, read, state) {
    if (read.changed) troubles.overtaken++
    return end.call(this, key, read, state)
  }
  const { beat } = Tracking.prototype
  Tracking.prototype.beat = async function () {
    const heard = await beat.call(this)
    if (!heard) troubles.unheard++
    return heard
  }
  return troubles
}
