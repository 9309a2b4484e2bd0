import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { within } from './real-time.ts'

export interface Ending {
  code: number | null
  signal: NodeJS.Signals | null
}

const outputLimitMs = 500

/**
 * Resolves when the process has ended and its output has been read. Waits only so long for the output: a grandchild
 * that lives on can hold the pipe open for ever. Rejects if the process could not be started.
 */
export async function endingOf(child: ChildProcess): Promise<Ending> {
  const closed = once(child, 'close').catch(() => {})
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  await within(closed, outputLimitMs)
  return { code, signal }
}
