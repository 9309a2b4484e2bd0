import { describe, expect, test } from 'vitest'
import type { State, Value } from '../../src/drivers/driver.ts'
import { placesBelow } from '../../src/drivers/places.ts'
import { type EntryHeader, newId } from '../../src/entry.ts'
import { NearCopies } from '../../src/redis/near-copies.ts'
import { HandClock } from '../../src/testing/hand-clock.ts'

const KEY = 'p::k'
const PLACE = 'k'
const MAX_STALENESS_MS = 2_000
/** The server's clock is ahead of ours. */
const AHEAD = 1_000_000
const TTL_MS = 60_000

function setUp(header: Partial<EntryHeader> = {}) {
  const clock = new HandClock()
  const serverNow = () => clock.now() + AHEAD
  const feed = {
    epoch: 1,
    heardUntil: clock.now(),
    beatAt: clock.now(),
    beats: 0,
    async beat() {
      feed.beats++
      feed.beatAt = clock.now()
      return true
    },
  }
  const limits = { maxItems: 100, maxBytes: 100_000, maxStalenessMs: MAX_STALENESS_MS }
  const copies = new NearCopies(limits, placesBelow('p'), () => [feed], clock, { at: (moment) => moment + AHEAD })
  const times = { createdAt: serverNow(), softExpiresAt: serverNow() + TTL_MS, hardExpiresAt: serverNow() + 2 * TTL_MS }
  const value: Value = {
    kind: 'value',
    header: {
      ...{ kind: 'value', id: newId(), loadMs: 0, encoding: 'json', optimistic: false, expired: false, version: 'v1' },
      ...{ stamps: [], ...times, ...header },
    },
    body: { encoding: 'json', data: '1', size: 1 },
  }
  const install = (state: State = value) => {
    const read = copies.begin(KEY, feed)
    if (read) copies.end(KEY, read, state)
  }
  install()
  /** Whether a hit that looks no further is served it, and whether a call that looks at everything is. */
  const served = (version = 'v1') => ({
    find: copies.find(PLACE, version) === value.body,
    get: copies.get(PLACE, clock.now()) !== undefined,
  })
  /** As if a PING had been answered now. */
  const heard = () => {
    feed.heardUntil = feed.beatAt = clock.now()
  }
  return { clock, feed, copies, served, heard, install }
}

const BOTH = { find: true, get: true }
const NEITHER = { find: false, get: false }

describe('a near copy', () => {
  test('is served as long as it is certain to be current, and not a millisecond longer', () => {
    const { clock, served } = setUp()
    expect(served()).toEqual(BOTH)
    clock.advance(MAX_STALENESS_MS)
    expect(served()).toEqual(BOTH)
    clock.advance(1)
    expect(served()).toEqual(NEITHER)
  })

  test('is served again when the feed has been heard', () => {
    const { clock, served, heard } = setUp()
    clock.advance(MAX_STALENESS_MS + 1)
    expect(served()).toEqual(NEITHER)
    heard()
    expect(served()).toEqual(BOTH)
    clock.advance(MAX_STALENESS_MS)
    expect(served()).toEqual(BOTH)
  })

  test.each(['find', 'get'] as const)('whose feed was not heard for half of that time has it asked, by %s', (how) => {
    const { clock, feed, copies } = setUp()
    const look = () => (how === 'find' ? copies.find(PLACE, 'v1') : copies.get(PLACE, clock.now()))
    look()
    clock.advance(MAX_STALENESS_MS / 2)
    look()
    expect(feed.beats).toBe(0)
    clock.advance(1)
    look()
    look()
    expect(feed.beats).toBe(1)
  })

  test('that has expired is left to who looks at everything', () => {
    const { clock, served, heard } = setUp()
    clock.advance(TTL_MS - 100)
    heard()
    expect(served()).toEqual(BOTH)
    clock.advance(100)
    expect(served()).toEqual({ find: false, get: true })
  })

  test('of another epoch is none', () => {
    const { feed, served, install } = setUp()
    expect(served()).toEqual(BOTH)
    feed.epoch = 2
    expect(served()).toEqual(NEITHER)
    install()
    expect(served()).toEqual(BOTH)
  })

  test('that has changed is none', () => {
    const { copies, served } = setUp()
    expect(served()).toEqual(BOTH)
    copies.changed(KEY)
    expect(served()).toEqual(NEITHER)
  })

  test.each<[string, Partial<EntryHeader>]>([
    ['was ended with its value kept', { expired: true }],
    ['has tags', { stamps: [['t', 's']] }],
    ['is of another version', { version: 'v2' }],
  ])('that %s is left to who looks at everything', (_, header) => {
    const { served } = setUp(header)
    expect(served()).toEqual({ find: false, get: true })
  })

  test('is of values and stamps alone', () => {
    const { copies, clock, install } = setUp()
    copies.changed(KEY)
    install({ kind: 'absent' })
    expect(copies.get(PLACE, clock.now())).toBeUndefined()
    install({ kind: 'stamp', stamp: { id: 's', at: 0 } } as unknown as State)
    expect(copies.get(PLACE, clock.now())).toBeDefined()
    expect(copies.find(PLACE, 'v1')).toBeUndefined()
  })
})
