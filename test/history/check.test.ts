import { describe, expect, it } from 'vitest'
import { check } from './check.ts'
import {
  type Done,
  type Entry,
  type Incident,
  type Load,
  type Member,
  parseEntries,
  type Read,
  type Removal,
  type Stop,
} from './history.ts'
import { stalenessOf } from './staleness.ts'

const SECOND = 1e9

const of = (...entries: Entry[]): Member => ({ entries, stops: [] })
const done = (id: string, end: number, sure = true): Done => ({ kind: 'done', id, end, sure })

function read(start: number, began: number, more: Partial<Read['value']> = {}): Read {
  const value = { key: 'a', began, id: `load-${began}`, version: 0, from: 'load', ...more } as const
  return { kind: 'read', via: 'call', key: 'a', start, end: start + 5, value }
}

function removal(id: string, start: number, more: Partial<Removal> = {}): Removal {
  return { kind: 'removal', id, target: 'a', keys: ['a'], endsLeases: true, start, ...more }
}

const incident = (what: Incident['what'], at: number): Incident => ({ kind: 'incident', what, at })

/** Asked for its lease one unit before it began. */
function load(id: string, start: number, leased = true): Load {
  return { kind: 'load', id, key: 'a', why: 'absent', start, leaseAskedAt: leased ? start - 1 : undefined }
}

const rules = (...members: Member[]) => check(members).map(({ rule }) => rule)

describe('a value whose load began before an invalidation was called', () => {
  const invalidation = [removal('i', 100), done('i', 110)]

  it('may not be returned to a call that began after it had resolved', () => {
    expect(rules(of(...invalidation), of(read(111, 99)))).toEqual(['stale'])
  })

  it('may be returned to a call that began before', () => {
    expect(rules(of(...invalidation), of(read(109, 99), read(110, 99)))).toEqual([])
  })

  it('is told from one whose load began when or after it was called', () => {
    expect(rules(of(...invalidation), of(read(111, 100), read(111, 105)))).toEqual([])
  })

  it('may be returned where the invalidation was put off, never ended, or meant another key', () => {
    expect(rules(of(removal('i', 100), done('i', 110, false)), of(read(111, 99)))).toEqual([])
    expect(rules(of(removal('i', 100)), of(read(111, 99)))).toEqual([])
    expect(rules(of(removal('i', 100, { keys: ['b'] }), done('i', 110)), of(read(111, 99)))).toEqual([])
  })

  it('may not be returned where it was put off, to the process itself, or to others when it was carried out', () => {
    const putOff = [removal('i', 100), done('i', 110, false), incident('replayed', 200)]
    expect(rules(of(...putOff, read(109, 99), read(111, 99)))).toEqual(['stale'])
    expect(rules(of(...putOff), of(read(199, 99), read(201, 99)))).toEqual(['stale'])
    expect(rules(of(...putOff), of(incident('replayed', 150), read(199, 99), read(201, 100)))).toEqual([])
  })

  it('is judged by whichever invalidation was called last, in whatever order they ended', () => {
    const early = [removal('early', 50), done('early', 300)]
    const late = [removal('late', 100), done('late', 110)]
    expect(rules(of(...early, ...late), of(read(400, 60)))).toEqual(['stale'])
    expect(rules(of(...early, ...late), of(read(400, 100)))).toEqual([])
    expect(rules(of(...early), of(read(400, 60)))).toEqual([])
  })

  it('is named with the invalidation', () => {
    const [violation] = check([of(...invalidation), of(read(111, 99))])
    expect(violation?.text).toContain('load-99')
    expect(violation?.text).toContain('the invalidation of a was called')
  })
})

describe('a process with near copies', () => {
  const MS = 1e6
  const near = (...entries: Entry[]): Member => ({ ...of(...entries), nearMs: 300 })
  const invalidation = [removal('i', 100 * MS), done('i', 110 * MS)]
  const old = (start: number, more: Partial<Read> = {}): Read => ({ ...read(start * MS, 99 * MS), ...more })
  const barrier = (start: number, end: number): Entry => ({ kind: 'barrier', start: start * MS, end: end * MS })

  it('follows what another has invalidated within its bound', () => {
    expect(rules(of(...invalidation), near(old(111), old(410)))).toEqual([])
    expect(rules(of(...invalidation), near(old(410.2)))).toEqual(['stale'])
    expect(rules(of(...invalidation), of(old(111)), near())).toEqual(['stale'])
  })

  it('follows at once what it has itself invalidated', () => {
    expect(rules(near(...invalidation, old(109)))).toEqual([])
    expect(rules(near(...invalidation, old(111)))).toEqual(['stale'])
  })

  it('follows at once where it asks the store: in loads, and in what are no calls', () => {
    for (const more of [{ inLoad: true }, { via: 'peek' }, { via: 'refresh' }] as const) {
      expect(rules(of(...invalidation), near(old(111, more)))).toEqual(['stale'])
      expect(rules(of(...invalidation), near(old(109, more)))).toEqual([])
    }
  })

  it('follows as soon as a barrier has resolved that began after the end', () => {
    expect(rules(of(...invalidation), near(barrier(111, 120), old(119)))).toEqual([])
    expect(rules(of(...invalidation), near(barrier(111, 120), old(121)))).toEqual(['stale'])
    expect(rules(of(...invalidation), near(barrier(109, 120), old(121)))).toEqual([])
    expect(rules(of(...invalidation), near(barrier(105, 112), barrier(111, 200), barrier(113, 120), old(121)))).toEqual(
      ['stale'],
    )
    expect(rules(of(...invalidation), near(barrier(111, 900), old(400)))).toEqual([])
    expect(rules(of(...invalidation), of(barrier(111, 120)), near(old(121)))).toEqual([])
  })

  it('follows what was put off within its bound after it was carried out', () => {
    const putOff = [removal('i', 100 * MS), done('i', 110 * MS, false), incident('replayed', 200 * MS)]
    expect(rules(of(...putOff), near(old(499)))).toEqual([])
    expect(rules(of(...putOff), near(old(501)))).toEqual(['stale'])
  })

  it('is told by how much it was late', () => {
    const fresh = read(105 * MS, 101 * MS)
    const seen = stalenessOf([of(...invalidation), near(old(109), old(120), old(150), read(160 * MS, 101 * MS))])
    expect(seen).toEqual({ cases: 1, old: 1, p50: 40, p99: 40, max: 40 })
    expect(stalenessOf([of(...invalidation), near({ ...fresh, start: 120 * MS })])).toMatchObject({
      cases: 1,
      old: 0,
      max: 0,
    })
    expect(stalenessOf([of(...invalidation), of(old(120))])).toBeUndefined()
  })
})

describe('a value that was made of another', () => {
  const part = { key: 'b', began: 10, id: '1-1', version: 0, from: 'load' } as const
  const made = (began: number) => read(500, began, { id: `1-${began}`, of: part })
  const invalidation = [removal('i', 100, { keys: ['b'] }), done('i', 110)]

  it('was made of one that could have been given to its load when that began', () => {
    expect(rules(of(...invalidation), of(), of(made(105)))).toEqual([])
    expect(rules(of(...invalidation), of(), of(made(111)))).toEqual(['nested'])
    expect(rules(of(...invalidation), { ...of(), nearMs: 300 }, of(made(111)))).toEqual(['nested'])
  })

  it('is held against the process that has made it', () => {
    expect(check([of(...invalidation), of(), of(made(111))]).map(({ by }) => by)).toEqual([1])
  })
})

describe('a value that was set', () => {
  const set = (end: number, sure = true): Entry[] => [
    { kind: 'set', id: 's', key: 'a', start: 50 },
    done('s', end, sure),
  ]
  const invalidation = [removal('i', 100), done('i', 110)]
  const value = { id: 's', from: 'set' } as const

  it('is gone with an invalidation that was called after the set had returned', () => {
    expect(rules(of(...set(90)), of(...invalidation), of(read(120, 50, value)))).toEqual(['stale'])
  })

  it('may stay where the set had not returned by then, or has failed', () => {
    expect(rules(of(...set(105)), of(...invalidation), of(read(120, 50, value)))).toEqual([])
    expect(rules(of(...set(90, false)), of(...invalidation), of(read(120, 50, value)))).toEqual([])
    expect(rules(of(), of(...invalidation), of(read(120, 50, value)))).toEqual([])
  })
})

describe('a version', () => {
  const written: Entry[] = [{ kind: 'write', key: 'a', version: 7, end: 90 }, removal('i', 100), done('i', 110)]

  it('may not be older than what had been written when an invalidation was called', () => {
    expect(rules(of(...written), of(read(120, 101, { version: 6 })))).toEqual(['version'])
    expect(rules(of(...written), of(read(120, 101, { version: 7 })))).toEqual([])
  })

  it('may be what an update has written, though others had written more by the time it knew', () => {
    const more: Entry = { kind: 'write', key: 'a', version: 8, end: 91 }
    const update = [removal('u', 100, { version: 7 }), done('u', 110)]
    const made = { id: 'u', from: 'update', version: 7 } as const
    expect(rules(of(more, ...update), of(read(120, 100, made)))).toEqual([])
    expect(rules(of(more, ...update), of(read(120, 100, { ...made, version: 6 })))).toEqual(['version'])
    expect(rules(of(more, ...update, removal('i', 95), done('i', 99)), of(read(120, 100, made)))).toEqual(['version'])
  })

  it('may be older than what was written since, or before a call began', () => {
    const since: Entry = { kind: 'write', key: 'a', version: 8, end: 105 }
    expect(rules(of(...written, since), of(read(120, 101, { version: 7 })))).toEqual([])
    expect(rules(of(...written), of(read(105, 101, { version: 6 })))).toEqual([])
  })
})

describe('two loads of a key under leases', () => {
  const first = [load('1', 1 * SECOND), done('1', 9 * SECOND)]
  const second = [load('2', 4 * SECOND), done('2', 5 * SECOND)]

  it('may not run at the same time, be it in one process', () => {
    expect(rules(of(...first), of(...second))).toEqual(['overlap'])
    expect(rules(of(...first, ...second))).toEqual(['overlap'])
  })

  it('may follow each other', () => {
    expect(rules(of(...first), of(load('2', 9 * SECOND), done('2', 10 * SECOND)))).toEqual([])
  })

  it('are told from loads without a lease', () => {
    expect(rules(of(...first), of(load('2', 4 * SECOND, false), done('2', 5 * SECOND)))).toEqual([])
  })

  it('may run where the key was removed or set in between, or may have been', () => {
    const between = (end: number) => of(removal('i', 2 * SECOND), done('i', end))
    expect(rules(of(...first), of(...second), between(3 * SECOND))).toEqual([])
    expect(rules(of(...first), of(...second), of(removal('i', 2 * SECOND)))).toEqual([])
    expect(rules(of(...first), of(...second), of({ kind: 'set', id: 's', key: 'a', start: 2 * SECOND }))).toEqual([])
    expect(rules(of(...first), of(...second), of(removal('i', 0.5 * SECOND), done('i', SECOND)))).toEqual([])
  })

  it('may not because of what was removed before, after, elsewhere or by a tag', () => {
    const bad = (...entries: Entry[]) => expect(rules(of(...first), of(...second), of(...entries))).toEqual(['overlap'])
    bad(removal('i', 0), done('i', 0.5 * SECOND))
    bad(removal('i', 4.5 * SECOND), done('i', 6 * SECOND))
    bad(removal('i', 2 * SECOND, { keys: ['b'] }), done('i', 3 * SECOND))
    bad(removal('i', 2 * SECOND, { endsLeases: false }), done('i', 3 * SECOND))
  })

  it('may run where the first process has died or was stopped for longer than its lease', () => {
    const killedAt = 3 * SECOND
    const stopped = (to: number) => ({ ...of(...first), stops: [{ from: 1.2 * SECOND, to }] })
    expect(rules({ ...of(load('1', SECOND)), killedAt }, of(...second))).toEqual([])
    expect(rules({ ...of(load('1', SECOND)), killedAt: 4.5 * SECOND }, of(...second))).toEqual(['overlap'])
    expect(rules(stopped(8 * SECOND), of(...second))).toEqual([])
    expect(rules(stopped(2 * SECOND), of(...second))).toEqual(['overlap'])
  })

  it('may run where it was stopped for a while, and Redis kept it from renewing its lease before that', () => {
    const pauses = [{ from: 1.1 * SECOND, to: 1.2 * SECOND }]
    const stops = [{ from: 2 * SECOND, to: 3 * SECOND }]
    expect(rules({ ...of(...first), stops, pauses }, of(...second))).toEqual([])
    expect(rules({ ...of(...first), pauses }, of(...second))).toEqual(['overlap'])
  })

  it('may run where a refresh may have put its result in the place of the lease', () => {
    const refresh = [{ ...load('r', 2 * SECOND, false), why: 'refresh' }, done('r', 3 * SECOND)]
    const early = [{ ...load('r', 0.2 * SECOND, false), why: 'refresh' }, done('r', 0.4 * SECOND)]
    const pauses = [{ from: 0.6 * SECOND, to: 1.2 * SECOND }]
    expect(rules(of(...first), of(...second), of(...refresh))).toEqual([])
    expect(rules(of(...first), of(...second), of(...early))).toEqual(['overlap'])
    expect(rules(of(...first), of(...second), { ...of(...early), pauses })).toEqual([])
  })

  it('may run where the first process was cut off for two turns of renewing, at once or one by one', () => {
    const away = (...times: [from: number, to: number][]): Entry[] =>
      times.flatMap(([from, to]) => [incident('lost', from * SECOND), incident('ready', to * SECOND)])
    expect(rules(of(...first, ...away([1.5, 3.6])), of(...second))).toEqual([])
    expect(rules(of(...first, ...away([1.5, 1.6], [3.5, 3.6])), of(...second))).toEqual([])
    expect(rules(of(...first, incident('lost', 1.5 * SECOND)), of(...second))).toEqual([])
    expect(rules(of(...first, ...away([1.5, 3])), of(...second))).toEqual(['overlap'])
    expect(rules(of(...first, ...away([1.5, 1.6], [2.5, 2.6])), of(...second))).toEqual(['overlap'])
    // Of its time away only what lies between its lease and the second load.
    expect(rules(of(...first, ...away([0, 2], [3.5, 6])), of(...second))).toEqual([])
    expect(rules(of(...first, ...away([0, 2])), of(...second))).toEqual(['overlap'])
    expect(rules(of(...first), of(...second, ...away([1.5, 3.6])))).toEqual(['overlap'])
  })

  it('may run where turns of renewing fell into times when Redis did not answer, too far apart for a lease to last', () => {
    const longer = [load('2', 8 * SECOND), done('2', 8.5 * SECOND)]
    const pausedAt = (...froms: number[]): Stop[] =>
      froms.map((from) => ({ from: from * SECOND, to: (from + 0.1) * SECOND }))
    expect(rules({ ...of(...first), pauses: pausedAt(3, 5) }, of(...longer))).toEqual([])
    expect(rules({ ...of(...first), pauses: pausedAt(2, 7) }, of(...longer))).toEqual(['overlap'])
  })

  it('may run where the second was stopped between its lease and its load', () => {
    const late: Load = { ...load('2', 8 * SECOND), leaseAskedAt: 1 * SECOND }
    const third = [load('3', 7 * SECOND), done('3', 9 * SECOND)]
    const stops = [{ from: 1.5 * SECOND, to: 7.9 * SECOND }]
    expect(rules({ ...of(late, done('2', 10 * SECOND)), stops }, of(...third))).toEqual([])
  })
})

describe('what was put off', () => {
  const first = [load('1', 20 * SECOND), done('1', 29 * SECOND)]
  const second = [load('2', 24 * SECOND), done('2', 25 * SECOND)]
  const putOff = [removal('i', 1 * SECOND), done('i', 2 * SECOND, false)]
  const failedSet: Entry[] = [{ kind: 'set', id: 's', key: 'a', start: 1 * SECOND }, done('s', 2 * SECOND, false)]

  it('takes a lease away until its process has carried out all, however late', () => {
    for (const late of [putOff, failedSet]) {
      expect(rules(of(...first), of(...second), of(...late, incident('replayed', 22 * SECOND)))).toEqual([])
      expect(rules(of(...first), of(...second), of(...late))).toEqual([])
    }
  })

  it('does not after that, and what another process has carried out does not matter', () => {
    for (const late of [putOff, failedSet]) {
      const carriedOut = of(...late, incident('replayed', 3 * SECOND), incident('replayed', 22 * SECOND))
      expect(rules(of(...first), of(...second), carriedOut)).toEqual(['overlap'])
      expect(rules(of(...first, incident('replayed', 3 * SECOND)), of(...second), of(...late))).toEqual([])
    }
  })
})

describe('what a server may have forgotten', () => {
  const removed = [removal('i', 1 * SECOND), done('i', 2 * SECOND)]
  const again = (from: number, to: number) => [incident('revived', from * SECOND), incident('replayed', to * SECOND)]
  const at = (seconds: number) => [
    of(load('1', seconds * SECOND), done('1', (seconds + 9) * SECOND)),
    of(load('2', (seconds + 4) * SECOND), done('2', (seconds + 5) * SECOND)),
  ]

  it('takes a lease away once more while it is carried out again', () => {
    expect(rules(...at(20), of(...removed, ...again(22, 23)))).toEqual([])
    expect(rules(...at(20), of(...removed, ...again(10, 21)))).toEqual([])
    expect(rules(...at(20), of(...removed, incident('revived', 22 * SECOND)))).toEqual([])
  })

  it('does not before or after that, nor when it is another process, or too long ago', () => {
    expect(rules(...at(20), of(...removed, ...again(10, 11)))).toEqual(['overlap'])
    expect(rules(...at(20), of(...removed, ...again(26, 27)))).toEqual(['overlap'])
    expect(rules(...at(20), of(...removed), of(...again(22, 23)))).toEqual(['overlap'])
    expect(rules(...at(80), of(...removed, ...again(82, 83)))).toEqual(['overlap'])
  })

  it('is not what was set, or removed by a tag', () => {
    const set: Entry = { kind: 'set', id: 's', key: 'a', start: 1 * SECOND }
    const byTag = [removal('i', 1 * SECOND, { endsLeases: false }), done('i', 2 * SECOND)]
    expect(rules(...at(20), of(set, done('s', 2 * SECOND), ...again(22, 23)))).toEqual(['overlap'])
    expect(rules(...at(20), of(...byTag, ...again(22, 23)))).toEqual(['overlap'])
  })
})

describe('a call', () => {
  it('may not return the value of another key', () => {
    expect(rules(of(read(10, 5, { key: 'b' })))).toEqual(['wrong-key'])
  })

  it('may not throw what no load throws', () => {
    const { value: _, ...failed } = read(10, 5)
    expect(rules(of({ ...failed, unexpected: 'Error: Redis is away' }))).toEqual(['error'])
    expect(rules(of(failed))).toEqual([])
  })
})

it('reads what a killed process has written up to its last whole line', () => {
  const lines = [read(1, 0), done('x', 5)].map((entry) => JSON.stringify(entry)).join('\n')
  expect(parseEntries(`${lines}\n{"kind":"re`)).toEqual([read(1, 0), done('x', 5)])
  expect(parseEntries('{"kind":"re')).toEqual([])
})
