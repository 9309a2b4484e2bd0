import { type Clock, systemClock, type Timer } from './clock.ts'

/** So often the same time is told, at most: in a turn of the loop that takes long, it must not stand still for many hits. */
const TOLD_AT_MOST = 8
let told = 0
let tellings = 0
let end: Timer | undefined

/**
 * `now` of a clock as it was a millisecond ago, or in this turn of the loop: for what is asked millions of times a second.
 * To look at a clock takes longer than to look up a value.
 */
export function coarse(clock: Clock): () => number {
  return clock === systemClock ? coarseNow : () => clock.now()
}

function coarseNow(): number {
  if (tellings > 0) {
    tellings--
    return told
  }
  if (end === undefined) {
    end = systemClock.setTimeout(() => {
      tellings = 0
      end = undefined
    }, 1)
    end.unref?.()
  }
  tellings = TOLD_AT_MOST
  told = systemClock.now()
  return told
}
