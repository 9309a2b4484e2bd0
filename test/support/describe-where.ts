import { statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { describe, test } from 'vitest'

/** A program that some tests need, and not every machine has. */
export interface Needed {
  readonly program: string
  readonly found: boolean
  /** The variable that, set to 1, turns a skip into a failure. */
  readonly required: string
  /** What is missing, and what to do about it. */
  readonly missing: string
  readonly tests: string
}

/**
 * A `describe` for tests that need a program. Where there is none they are skipped, with one warning a run; where the
 * variable says so they fail instead, so that a CI cannot lose them unnoticed.
 */
export function describeWhere(needed: Needed, name: string, fn: () => void): void {
  const { program, found, required, missing, tests } = needed
  if (found) {
    describe(name, fn)
  } else if (process.env[required] === '1') {
    describe(name, () => {
      test(`needs ${program}`, () => {
        throw new Error(`${required}=1, but there is ${missing}`)
      })
    })
  } else {
    if (isFirstInRun(program)) console.warn(`SKIPPED: ${missing}. ${tests} did NOT run.`)
    describe.skip(name, fn)
  }
}

const staleAfterMs = 3_600_000

/** Each test file has a process, or a thread, of its own: what they share is the runner's process id. */
function isFirstInRun(program: string): boolean {
  const runner = isMainThread ? process.ppid : process.pid
  const marker = join(tmpdir(), `cachewell-${program}-skipped-${runner}`)
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
