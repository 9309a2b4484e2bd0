import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CacheEvent, Events } from '../src/events.ts'
import { logEvents } from '../src/log-events.ts'
import { logLines } from '../src/log-lines.ts'
import { HandClock } from '../src/testing/hand-clock.ts'

const call = { name: 'user:', key: 'user:1' }
const hit: CacheEvent = { type: 'hit', ...call, tier: 'redis', stale: false, ageMs: 1, ttlMs: 1 }
const notice: CacheEvent = { type: 'notice', name: 'user:', code: 'unkeyable', level: 'warn', message: 'x' }

const rejections: unknown[] = []
const note = (reason: unknown) => rejections.push(reason)
beforeEach(() => {
  rejections.length = 0
  process.on('unhandledRejection', note)
})
afterEach(() => {
  process.off('unhandledRejection', note)
})
/** Node reports rejections that nobody handles after the microtasks of the turn. */
const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

describe('events', () => {
  test('reach everyone, in the order in which they began to listen', () => {
    const events = new Events(undefined)
    const heard: string[] = []
    events.on(() => heard.push('a'))
    events.on(() => heard.push('b'))
    events.emit(hit)
    expect(heard).toEqual(['a', 'b'])
  })

  test('a listener that throws, or whose promise rejects, harms nobody', async () => {
    const events = new Events(() => {
      throw new Error('log')
    })
    let heard = 0
    events.on(() => {
      throw new Error('listener')
    })
    events.on(async () => {
      throw new Error('async listener')
    })
    events.on(() => heard++)
    events.emit(hit)
    await turn()
    expect(heard).toBe(1)
    expect(rejections).toEqual([])
  })

  test('a logger whose promise rejects harms nobody', async () => {
    const fail = async () => {
      throw new Error('logger')
    }
    const logger = { info: fail, warn: fail, error: fail }
    const events = new Events(logEvents(logger, logLines(logger, new HandClock())))
    events.emit(notice)
    await turn()
    expect(rejections).toEqual([])
  })

  test('end for the listener that ends them, and for no other', () => {
    const events = new Events(undefined)
    let heard = 0
    const listener = () => heard++
    const [first, second] = [events.on(listener), events.on(listener)]
    events.emit(hit)
    first()
    first()
    events.emit(hit)
    expect(heard).toBe(3)
    expect(events.heard).toBe(true)
    second()
    events.emit(hit)
    expect(heard).toBe(3)
    expect(events.heard).toBe(false)
  })

  test('a listener may end itself, or add others, while it is told', () => {
    const events = new Events(undefined)
    const heard: string[] = []
    const end = events.on(() => {
      heard.push('a')
      end()
      events.on(() => heard.push('c'))
    })
    events.on(() => heard.push('b'))
    events.emit(hit)
    expect(heard).toEqual(['a', 'b'])
    events.emit(hit)
    expect(heard).toEqual(['a', 'b', 'b', 'c'])
  })

  test('are counted, once each', () => {
    const events = new Events(undefined)
    const about = { ...call, reason: 'absent', loadMs: 1 } as const
    events.countHit()
    events.emit(hit)
    events.emit({ type: 'miss', ...about, collapsed: false })
    events.emit({ type: 'miss', ...about, collapsed: true })
    events.emit({ type: 'load-error', ...about, collapsed: false, error: 1 })
    events.emit({ type: 'store', ...call, tier: 'redis', stored: true })
    events.emit({ type: 'store', ...call, tier: 'redis', stored: false })
    events.emit({ type: 'bypass', name: 'user:', reason: 'option' })
    events.emit({ type: 'invalidate', target: 'a', mode: 'remove', removed: 1, deferred: false })
    events.emit(notice)
    const stats = events.stats()
    expect(stats).toEqual({
      hits: 2,
      nearHits: 0,
      misses: 2,
      collapsed: 1,
      bypasses: 1,
      loadErrors: 1,
      stores: 1,
      unstored: 1,
      invalidations: 1,
      troubles: 0,
    })
    events.countHit()
    expect(stats.hits).toBe(2)
  })
})
