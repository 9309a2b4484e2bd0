import { nextTick } from '../clock.ts'
import type { FoundStamp } from '../stamps.ts'

type Ensure = (key: string, ttlMs: number) => Promise<FoundStamp>

interface Waiting {
  ttlMs: number
  readonly promise: Promise<FoundStamp>
  readonly resolve: (stamp: Promise<FoundStamp>) => void
}

/**
 * A stamp that is asked for several times in one tick is asked for once: the ids of a batch have tags in common, and all of
 * them the stamp of any tag. As with reads, nobody joins a request that has been sent.
 *
 * Whoever asks for several has an order in mind, and what is asked for last must be looked at last. So a request that
 * is joined moves to the end: it is then behind all that any of its askers has asked for before.
 */
export function coalesceStamps(ensure: Ensure): Ensure {
  let waiting = new Map<string, Waiting>()
  const flush = () => {
    const all = waiting
    waiting = new Map()
    for (const [key, { ttlMs, resolve }] of all) resolve(ensure(key, ttlMs))
  }
  return (key, ttlMs) => {
    if (waiting.size === 0) nextTick(flush)
    const one = waiting.get(key) ?? makeWaiting()
    one.ttlMs = Math.max(one.ttlMs, ttlMs)
    waiting.delete(key)
    waiting.set(key, one)
    return one.promise
  }
}

function makeWaiting(): Waiting {
  let resolve!: Waiting['resolve']
  const promise = new Promise<FoundStamp>((settle) => {
    resolve = settle
  })
  return { ttlMs: 0, promise, resolve }
}
