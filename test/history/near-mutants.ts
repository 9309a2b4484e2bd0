import { Redis } from 'ioredis'
import { outsideOfLoads } from '../../src/inside-load.ts'
import { Reading } from '../../src/reading.ts'
import { NearCopies } from '../../src/redis/near-copies.ts'
import type { Feed } from '../../src/redis/topology.ts'

/*
 * Near caches that do not keep the promises, made of the real one at run time.
 */
export const NEAR_MUTANTS = {
  /** What a read has brought is kept, though a change was heard before its reply. */
  guard() {
    const { end } = NearCopies.prototype
    NearCopies.prototype.end = function (key, read, state) {
      read.changed = false
      return end.call(this, key, read, state)
    }
  },

  /** Copies are served however long nothing was heard. */
  bound: () => hearInstead((feed) => ({ epoch: feed.epoch, heardUntil: Number.POSITIVE_INFINITY })),

  /** Copies outlive the connection on which changes of them were told. */
  epoch: () => hearInstead((feed) => ({ epoch: 1, heardUntil: feed.heardUntil })),

  /** Only what the server tells ends copies, not what the process itself has written. */
  own() {
    let hearing = false
    const { emit } = Redis.prototype
    Redis.prototype.emit = function (event, ...rest) {
      hearing = event === 'messageBuffer'
      try {
        return emit.call(this, event, ...rest)
      } finally {
        hearing = false
      }
    }
    const { changed } = NearCopies.prototype
    NearCopies.prototype.changed = function (key) {
      if (hearing) changed.call(this, key)
    }
    NearCopies.prototype.changedWhere = () => {}
  },

  /** Loads are served copies. */
  nesting() {
    const { now } = Reading.prototype
    Reading.prototype.now = function (call) {
      return outsideOfLoads(() => now.call(this, call))
    }
  },

  /** Nobody waits until everything has been heard. */
  barrier() {
    NearCopies.prototype.barrier = async () => {}
  },
}

/** Copies are judged by what is told here about their feed. */
function hearInstead(said: (feed: Feed) => Pick<Feed, 'epoch' | 'heardUntil'>): void {
  const known = new WeakMap<Feed, Feed>()
  const insteadOf = (feed: Feed): Feed => {
    const one = known.get(feed) ?? {
      get epoch() {
        return said(feed).epoch
      },
      get heardUntil() {
        return said(feed).heardUntil
      },
      get beatAt() {
        return feed.beatAt
      },
      beat: () => feed.beat(),
    }
    known.set(feed, one)
    return one
  }
  const { begin } = NearCopies.prototype
  NearCopies.prototype.begin = function (key, feed) {
    return begin.call(this, key, feed && insteadOf(feed))
  }
}
