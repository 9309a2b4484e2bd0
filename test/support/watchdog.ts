import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import type { Socket } from 'node:net'

// Reads the process id to guard, line by line, until our end of the pipe closes.
const script = `
  pid=
  while read -r line; do pid=$line; done
  [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
  [ -z "$1" ] || rm -rf "$1"
`

const open = new Set<Watchdog>()
process.on('exit', () => {
  for (const watchdog of open) watchdog.strike()
})

/**
 * Kills a process, and removes a directory, when ours ends. An exit hook alone would not do: the test runner ends its
 * workers by a signal, which runs no hook. So a shell holds the other end of a pipe, and strikes when it closes.
 */
export class Watchdog {
  private readonly shell: ChildProcess
  private pid: number | undefined

  constructor(private readonly directory = '') {
    this.shell = spawn('/bin/sh', ['-c', script, 'watchdog', directory], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true, // A Ctrl-C in the terminal must not end it before us.
    })
    this.shell.on('error', () => {}) // No shell here: the exit hook is left.
    this.pipe.on('error', () => {})
    this.shell.unref()
    this.pipe.unref()
    open.add(this)
  }

  /** Guards this process from now on, in place of the one before. */
  guard(pid: number): void {
    this.pid = pid
    this.pipe.write(`${pid}\n`)
  }

  /** To be called when the guarded process has ended, before its id can be another's. */
  release(): void {
    this.pid = undefined
    this.pipe.write('\n')
  }

  /** Calls it off: nothing is killed any more. Removes the directory. */
  close(): void {
    open.delete(this)
    this.shell.kill('SIGKILL')
    this.removeDirectory()
  }

  /** What the shell would do, at once. */
  strike(): void {
    if (this.pid !== undefined) killQuietly(this.pid)
    this.close()
  }

  private get pipe(): Socket {
    return this.shell.stdin as Socket
  }

  private removeDirectory(): void {
    if (this.directory) rmSync(this.directory, { recursive: true, force: true })
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
