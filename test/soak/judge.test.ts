import { describe, expect, it } from 'vitest'
import { growthOf, judge } from './judge.ts'
import type { Phase, Sample } from './messages.ts'

const MiB = 2 ** 20
const MINUTE = 60

/** Of a process in which nothing grows, though not two samples are alike. */
const steady: Record<string, number> = {
  heap: 12 * MiB,
  external: 3 * MiB,
  handles: 40,
  descriptors: 33,
  sockets: 8,
  'listeners of a socket': 6,
  'listeners of the process': 8,
  loads: 12,
  renewals: 1,
  'watched keys': 2,
  'deferred removals': 5,
}
const counts = {
  ...{ calls: 9, hits: 9, loads: 9, stores: 9, removals: 9, deferred: 9, replayed: 9, waits: 9, troubles: 9 },
}

type Levels = Record<string, number>
/** What a level is at a share of the storm, from 0 to 1. */
type Course = Record<string, (share: number) => number>

const sample = (phase: Phase, at: number, levels: Levels): Sample => ({ type: 'sample', phase, at, levels, counts })

/** A made-up run: what is not said otherwise is as it should be. */
function run(course: Course = {}, rest: Levels = {}, closed: Levels = {}, length = 40): Sample[] {
  const storm = Array.from({ length }, (_, i) => {
    const share = i / (length - 1)
    const own = Object.entries(course).map(([level, at]) => [level, at(share)])
    const wavering = Object.entries(steady).map(([level, value]) => [level, value * (1 + (i % 5) / 100)])
    return sample('storm', share * MINUTE, Object.fromEntries([...wavering, ...own]))
  })
  const idle = { handles: 3, sockets: 8, loads: 0, renewals: 0, 'watched keys': 0, 'deferred removals': 0 }
  return [
    sample('warm-up', -1, { heap: 1 }),
    ...storm,
    sample('calm', 61, steady),
    sample('rest', 62, { ...idle, ...rest }),
    sample('closed', 63, { ...idle, sockets: 0, ...closed }),
  ]
}

const grows = (from: number, to: number) => (share: number) => from + (to - from) * share
const rules = (samples: readonly Sample[]) => judge(samples).map(({ rule }) => rule)
const texts = (samples: readonly Sample[]) => judge(samples).map(({ text }) => text)

describe('judging growth', () => {
  it('has nothing against levels that waver', () => {
    expect(judge(run())).toEqual([])
  })

  it('finds a heap that grows by more than a fifth', () => {
    expect(judge(run({ heap: grows(12 * MiB, 20 * MiB) }))).toEqual([
      { rule: 'growth', text: 'heap: 13.2 MiB in the first third, 18.8 MiB in the last, where 15.9 MiB would do' },
    ])
  })

  it('has nothing against one that grows by less', () => {
    expect(judge(run({ heap: grows(12 * MiB, 13.5 * MiB) }))).toEqual([])
  })

  it('finds a large heap that grows by less than a fifth, but by more than 16 MiB', () => {
    expect(rules(run({ heap: grows(200 * MiB, 230 * MiB) }))).toEqual(['growth'])
  })

  it('has nothing against spikes, however high', () => {
    const spikes = (share: number) => (Math.round(share * 39) % 4 === 3 ? 80 * MiB : 12 * MiB)
    expect(judge(run({ heap: spikes }))).toEqual([])
  })

  it('has nothing against what goes down', () => {
    expect(judge(run({ heap: grows(20 * MiB, 10 * MiB) }))).toEqual([])
  })

  const leaks: Course = {
    external: grows(3 * MiB, 40 * MiB),
    handles: grows(40, 400),
    descriptors: grows(33, 60),
    sockets: grows(8, 24),
    'listeners of a socket': grows(6, 20),
    'listeners of the process': (share) => (share < 0.5 ? 8 : 9),
    loads: grows(10, 200),
    renewals: grows(1, 200),
    'watched keys': grows(2, 200),
    'deferred removals': grows(0, 1_900),
  }
  it.each(Object.entries(leaks))('finds a leak of %s', (level, course) => {
    const samples = run({ [level]: course })
    expect(rules(samples)).toEqual(['growth'])
    expect(texts(samples)[0]).toContain(level)
  })

  it('finds what was too much but once', () => {
    expect(judge(run({ sockets: (share) => (share > 0.5 && share < 0.52 ? 100 : 8) }))).toEqual([
      { rule: 'too much', text: 'sockets: 100, and at most 40' },
    ])
  })

  it('looks at the storm alone', () => {
    const samples = [...run(), sample('calm', 64, { ...steady, heap: 500 * MiB })]
    expect(judge(samples)).toEqual([])
  })

  it('does not judge what a system cannot tell', () => {
    const samples = run().map((one) => ({ ...one, levels: { ...one.levels, descriptors: undefined as never } }))
    expect(growthOf('descriptors', samples)).toBeUndefined()
    expect(judge(samples)).toEqual([])
  })
})

describe('judging what is left', () => {
  it.each([
    ['loads', 1],
    ['renewals', 1],
    ['watched keys', 1],
    ['deferred removals', 1],
    ['sockets', 9],
    ['handles', 7],
    ['Flight objects', 200],
    ['Watch objects', 3],
    ['Connection objects', 60],
    ['Timer objects', 200],
  ])('finds %s at rest', (level, value) => {
    const samples = run({}, { [level]: value })
    expect(rules(samples)).toEqual(['left over'])
    expect(texts(samples)[0]).toContain(`${level} at rest: ${value}`)
  })

  it('finds a socket that is open when the cache is closed', () => {
    expect(judge(run({}, {}, { sockets: 1 }))).toEqual([
      { rule: 'left over', text: 'sockets when closed: 1, and at most 0' },
    ])
  })
})

describe('judging too little', () => {
  it('finds that there are too few samples to tell', () => {
    expect(rules(run({}, {}, {}, 8))).toEqual(['too little'])
    expect(rules([])).toEqual(['too little'])
  })

  it('finds that an end was not told', () => {
    const samples = run().filter(({ phase }) => phase !== 'closed')
    expect(judge(samples)).toEqual([{ rule: 'too little', text: 'nothing was told when closed' }])
  })

  it('finds that something did not happen at all', () => {
    const samples = run().map((one) => ({ ...one, counts: { ...one.counts, deferred: 0 } }))
    expect(judge(samples)).toEqual([{ rule: 'too little', text: 'no deferred' }])
  })
})
