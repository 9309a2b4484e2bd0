import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { now, parseEntries } from './history.ts'
import { Recorder } from './recorder.ts'

test('a load that has ended is known to have, even if its process is killed at once', () => {
  const directory = mkdtempSync(join(tmpdir(), 'cachewell-recorder-'))
  try {
    const file = join(directory, 'record')
    const recorder = new Recorder(file, 0)
    const id = recorder.id()
    recorder.note({ kind: 'load', id, key: 'k', start: now(), why: 'absent' })
    recorder.landed(id)
    expect(parseEntries(readFileSync(file, 'utf8')).map(({ kind }) => kind)).toEqual(['load', 'done'])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
