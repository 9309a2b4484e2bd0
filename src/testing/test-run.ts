import { createEngine } from '../cache.ts'
import { makeCore } from '../core.ts'
import type { CacheEngine } from '../engine.ts'
import type { CacheOptions } from '../options.ts'
import { settle } from '../settle.ts'
import { Contents } from './contents.ts'
import { Recording } from './recording.ts'
import { StandIn } from './stand-in.ts'
import type { TestClock } from './test-clock.ts'

/** Looks like a Redis to whoever finds out where to store; nobody connects to it. */
const URL_OF_STAND_IN = 'redis://stand-in'

/** What a reset throws away: an engine, what it stores in, and what was recorded of it. */
export interface TestRun {
  readonly engine: CacheEngine
  readonly standIn: StandIn
  readonly recording: Recording
  readonly contents: Contents
}

export function beginTestRun(given: CacheOptions, clock: TestClock): TestRun {
  const standIn = new StandIn(clock)
  const recording = new Recording()
  const contents = new Contents(standIn)
  const engine = createEngine({ ...given, url: URL_OF_STAND_IN, clock }, async (options, events) => {
    const core = makeCore(options, events, standIn.open)
    contents.attach(core, options)
    return { ...core, settle: engine.settle, path: recording.around(core.path) }
  })
  // What is asked about a call is asked of it before it is carried out. It stays, so that nothing is settled, and said, twice.
  engine.settle = (home, declared) => settle(home, declared)
  engine.events.on((event) => {
    recording.events.push(event)
  })
  return { engine, standIn, recording, contents }
}
