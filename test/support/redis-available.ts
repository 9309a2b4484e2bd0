import { statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { describe, test } from 'vitest'
import { findRedisBinary } from './redis-binary.ts'

const missing = 'no redis-server on this machine; install it, or set REDIS_SERVER_BIN'

/**
 * A `describe` for tests that need a redis-server. Where there is none they are skipped, with one warning a run; with
 * `CACHEWELL_REQUIRE_REDIS=1` they fail instead, so that a CI cannot lose them unnoticed.
 */
export function describeRedis(name: string, fn: () => void): void {
  if (findRedisBinary()) {
    describe(name, fn)
  } else if (process.env.CACHEWELL_REQUIRE_REDIS === '1') {
    describe(name, () => {
      test('needs redis-server', () => {
        throw new Error(`CACHEWELL_REQUIRE_REDIS=1, but there is ${missing}`)
      })
    })
  } else {
    warnOncePerRun()
    describe.skip(name, fn)
  }
}

function warnOncePerRun(): void {
  if (isFirstInRun()) console.warn(`SKIPPED: ${missing}. The tests against a real Redis did NOT run.`)
}

const staleAfterMs = 3_600_000

/** Each test file has a process, or a thread, of its own: what they share is the runner's process id. */
function isFirstInRun(): boolean {
  const runner = isMainThread ? process.ppid : process.pid
  const marker = join(tmpdir(), `cachewell-redis-skipped-${runner}`)
  try {
    writeFileSync(marker, '', { flag: 'wx' })
    return true
  } catch {
    return takeOverIfStale(marker)
  }
}

/** A process id comes round again. */
function takeOverIfStale(marker: string): boolean {
  try {
    if (Date.now() - statSync(marker).mtimeMs < staleAfterMs) return false
    writeFileSync(marker, '')
  } catch {
    // A temp directory that cannot be written: rather two warnings than none.
  }
  return true
}
