import { describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../src/clock.ts'
import { Deadlines } from '../src/deadlines.ts'
import { HandClock } from '../src/testing/hand-clock.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** How many timers are set, and whether they keep the process alive. */
class CountingClock extends HandClock {
  set = 0
  held = false

  override setTimeout(callback: () => void, ms: number): ReturnType<Clock['setTimeout']> {
    this.set++
    this.held = true
    const hold = (held: boolean) => {
      this.held = held
    }
    return Object.assign(super.setTimeout(callback, ms), { ref: () => hold(true), unref: () => hold(false) })
  }
}

describe('deadlines', () => {
  test('lapse one after the other, each when its time is over', async () => {
    const clock = new CountingClock()
    const deadlines = new Deadlines(250, clock)
    const lapsed: number[] = []
    for (let i = 0; i < 3; i++) {
      deadlines.begin((stalled) => lapsed.push(stalled ? -1 : i))
      clock.advance(20)
    }
    clock.advance(189)
    await turn()
    expect(lapsed).toEqual([])
    for (const [ms, so] of [
      [1, [0]],
      [20, [0, 1]],
      [20, [0, 1, 2]],
    ] as const) {
      clock.advance(ms)
      await turn()
      expect(lapsed).toEqual(so)
    }
    expect(clock.set).toBe(3)
  })

  test('that are met set no timer of their own', async () => {
    const clock = new CountingClock()
    const deadlines = new Deadlines(250, clock)
    let lapsed = 0
    for (let i = 0; i < 1_000; i++) {
      const deadline = deadlines.begin(() => lapsed++)
      clock.advance(1)
      expect(deadlines.end(deadline)).toBe(true)
    }
    clock.advance(1_000)
    await turn()
    expect(lapsed).toBe(0)
    expect(clock.set).toBeLessThanOrEqual(5)
    expect(clock.nextAt).toBeUndefined()
  })

  test('keep the process alive while one is open, and only then', () => {
    const clock = new CountingClock()
    const deadlines = new Deadlines(250, clock)
    const first = deadlines.begin(() => {})
    const second = deadlines.begin(() => {})
    expect(clock.held).toBe(true)
    deadlines.end(first)
    expect(clock.held).toBe(true)
    deadlines.end(second)
    expect(clock.held).toBe(false)
    deadlines.end(deadlines.begin(() => {}))
    deadlines.begin(() => {})
    expect(clock.held).toBe(true)
  })

  test('a reply that came with the timer is in time', async () => {
    const clock = new HandClock()
    const deadlines = new Deadlines(250, clock)
    let lapsed = false
    const deadline = deadlines.begin(() => {
      lapsed = true
    })
    clock.advance(250)
    expect(deadlines.end(deadline)).toBe(true)
    await turn()
    expect(lapsed).toBe(false)
    expect(deadlines.end(deadline)).toBe(false)
  })

  test('after a blocked loop begin anew, once, and say so', async () => {
    const clock = new HandClock()
    const deadlines = new Deadlines(250, clock)
    const lapsed: string[] = []
    deadlines.begin((stalled) => lapsed.push(`old ${stalled}`))
    clock.advance(400)
    await turn()
    deadlines.begin((stalled) => lapsed.push(`new ${stalled}`))
    expect(lapsed).toEqual([])
    clock.advance(249)
    await turn()
    expect(lapsed).toEqual([])
    clock.advance(1)
    await turn()
    expect(lapsed).toEqual(['old true', 'new false'])
  })

  test('over the real clock', async () => {
    const deadlines = new Deadlines(30, systemClock)
    const began = performance.now()
    const stalled = await new Promise((resolve) => deadlines.begin(resolve))
    expect(performance.now() - began).toBeGreaterThan(28)
    expect(typeof stalled).toBe('boolean')
  })
})
