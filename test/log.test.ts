import { describe, expect, test } from 'vitest'
import { CacheTroubleError } from '../src/errors.ts'
import type { CacheEvent } from '../src/events.ts'
import { logEvents } from '../src/log-events.ts'
import { logLines } from '../src/log-lines.ts'
import { HandClock } from '../src/testing/hand-clock.ts'

function setUp() {
  const clock = new HandClock()
  const lines: string[] = []
  const logger = {
    info: (message: string) => lines.push(`info ${message}`),
    warn: (message: string) => lines.push(`warn ${message}`),
    error: (message: string) => lines.push(`error ${message}`),
  }
  return { clock, lines, hear: logEvents(logger, logLines(logger, clock)) }
}

const trouble = (code = 'OOM', operation = 'store'): CacheEvent => ({
  type: 'trouble',
  operation,
  name: 'user:',
  error: new CacheTroubleError(code, 'no memory'),
})
const notice = (name: string, level: 'info' | 'warn' = 'warn'): CacheEvent => ({
  type: 'notice',
  code: 'unkeyable',
  level,
  name,
  message: `calls of ${name} are not cached`,
})

describe('the log', () => {
  test('writes one line of a kind within half a minute, and says how many it left out', () => {
    const { clock, lines, hear } = setUp()
    for (let i = 0; i < 1_000; i++) hear(trouble())
    expect(lines).toEqual(['warn cachewell: store failed for user:, the call went on without the cache: no memory'])
    clock.advance(29_999)
    hear(trouble())
    expect(lines).toHaveLength(1)
    clock.advance(1)
    hear(trouble())
    expect(lines[1]).toMatch(/no memory \(and 1000 more like it since\)$/)
    clock.advance(30_000)
    hear(trouble())
    expect(lines[2]).toMatch(/no memory$/)
  })

  test('tells kinds apart by operation and code', () => {
    const { lines, hear } = setUp()
    for (const event of [trouble('OOM'), trouble('TIMEOUT'), trouble('OOM', 'read'), trouble('OOM')]) hear(event)
    expect(lines).toHaveLength(3)
  })

  test('says a notice once for each name, at its own level', () => {
    const { clock, lines, hear } = setUp()
    for (let i = 0; i < 3; i++) {
      hear(notice('a'))
      hear(notice('b', 'info'))
      clock.advance(1e9)
    }
    expect(lines).toEqual(['warn cachewell: calls of a are not cached', 'info cachewell: calls of b are not cached'])
  })

  test('remembers a bounded number of kinds: beyond 500 the oldest may be said again', () => {
    const { lines, hear } = setUp()
    for (let i = 0; i <= 500; i++) hear(notice(`n${i}`))
    expect(lines).toHaveLength(501)
    hear(notice('n500'))
    hear(notice('n1'))
    expect(lines).toHaveLength(501)
    hear(notice('n0'))
    expect(lines).toHaveLength(502)
  })

  test('remembers longest what was said last', () => {
    const { clock, lines, hear } = setUp()
    hear(trouble())
    for (let i = 0; i < 499; i++) hear(notice(`n${i}`))
    clock.advance(30_000)
    hear(trouble())
    hear(notice('one more'))
    expect(lines).toHaveLength(502)
    hear(trouble())
    expect(lines).toHaveLength(502)
  })

  test('says what became of the connection', () => {
    const { lines, hear } = setUp()
    const error = new CacheTroubleError('ECONNREFUSED', 'connect ECONNREFUSED')
    hear({ type: 'connection', state: 'failed', error })
    hear({ type: 'connection', state: 'ready' })
    hear({ type: 'connection', state: 'lost' })
    hear({ type: 'connection', state: 'lost', error })
    expect(lines).toEqual([
      'warn cachewell: cannot reach Redis, going on without it and trying again: connect ECONNREFUSED',
      'info cachewell: connected to Redis',
      'warn cachewell: lost Redis, going on without it and reconnecting: no reason was given',
    ])
  })

  test('writes nothing of a call: no key, no value, no error of the function', () => {
    const { lines, hear } = setUp()
    const key = 'user:jane@example.com'
    const call = { name: 'user:', key }
    hear({ type: 'hit', ...call, tier: 'redis', stale: false, ageMs: 1, ttlMs: 1 })
    hear({ type: 'miss', ...call, reason: 'absent', collapsed: false, loadMs: 1 })
    hear({ type: 'load-error', ...call, reason: 'absent', collapsed: false, loadMs: 1, error: new Error(key) })
    hear({ type: 'store', ...call, tier: 'redis', stored: false, reason: 'too-large' })
    hear({ type: 'bypass', name: 'user:', reason: 'option' })
    hear({ type: 'invalidate', target: key, mode: 'remove', removed: 1, deferred: false })
    expect(lines).toEqual([])
    hear({ type: 'invalidate', target: key, mode: 'remove', removed: 0, deferred: true })
    expect(lines).toHaveLength(1)
    expect(lines[0]).not.toContain('jane')
  })

  test('calls the methods as methods, as pino needs it', () => {
    class Pino {
      lines: string[] = []
      info() {}
      error() {}
      warn(message: string) {
        this.lines.push(message)
      }
    }
    const pino = new Pino()
    logEvents(pino, logLines(pino, new HandClock()))(trouble())
    expect(pino.lines).toHaveLength(1)
  })
})
