import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChild } from './child.ts'
import { rawCommand } from './raw-command.ts'
import { until } from './until.ts'

/**
 * Starts servers in a process, kills that, and waits till nothing is left of them: no process, no directory. Resolves
 * with how many there were.
 */
export async function abandoned(what: 'cluster' | 'sentinel'): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'cachewell-abandoned-'))
  try {
    const child = runChild('test/support/abandon.ts', { args: [what], env: { TMPDIR: folder } })
    await until(() => child.messages.length > 0 || child.stderr, { label: 'the child', timeoutMs: 15_000 })
    child.kill('SIGKILL')
    const { messages, stderr } = await child.done
    const [message] = messages as { ports: number[] }[]
    if (!message) throw new Error(stderr)
    const isOver = async () => (await Promise.all(message.ports.map(isRefused))).every(Boolean) && !hasServers(folder)
    await until(isOver, { label: 'the end of the servers' })
    return message.ports.length
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const hasServers = (folder: string): boolean => readdirSync(folder).some((name) => name.startsWith('cachewell-redis-'))

/** Not by a process id: until the system has collected an orphan, its id looks alive. */
const isRefused = (port: number): Promise<boolean> =>
  rawCommand({ host: '127.0.0.1', port }, 'PING').then(
    () => false,
    (error) => error.code === 'ECONNREFUSED',
  )
