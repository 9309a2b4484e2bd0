import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Ending, endingOf } from './ending.ts'
import { late, within } from './real-time.ts'
import { Watchdog } from './watchdog.ts'

export interface ChildOptions {
  args?: readonly string[]
  /** On top of a clean environment; undefined removes a variable. */
  env?: Record<string, string | undefined>
  /** For node itself, such as `--expose-gc`. */
  nodeArgs?: readonly string[]
  /** The child is killed then. Default 15000. */
  timeoutMs?: number
  onMessage?: (message: unknown) => void
}

export interface ChildResult extends Ending {
  timedOut: boolean
  stdout: string
  stderr: string
  /** Every line of stdout that is a JSON object, in order. */
  messages: unknown[]
}

export interface Child {
  readonly pid: number | undefined
  /** As it grows. */
  readonly messages: readonly unknown[]
  readonly stdout: string
  readonly stderr: string
  /** A JSON line on the child's stdin; nothing happens when it has ended. */
  send(message: unknown): void
  /** For a child that reads stdin to its end. */
  endInput(): void
  kill(signal?: NodeJS.Signals): void
  /** Resolves, whatever the exit code, when the child has ended and its output has been read. */
  readonly done: Promise<ChildResult>
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

/**
 * Runs a TypeScript file in a process of its own, in which `cachewell` is `src/index.ts`; a JavaScript file as it is.
 * `file` is relative to the repository's root. The child tells and is told things by `parent.ts`.
 */
export function runChild(file: string | URL, options: ChildOptions = {}): Child {
  const { args = [], nodeArgs = [], env, timeoutMs = 15_000, onMessage } = options
  const path = file instanceof URL ? fileURLToPath(file) : file
  const loader = path.endsWith('.ts') ? ['--import', tsx] : []
  const child = spawn(process.execPath, [...nodeArgs, ...loader, path, ...args], {
    cwd: root,
    env: { ...serviceEnvironment(), TSX_TSCONFIG_PATH: `${root}tsconfig.json`, ...env },
    stdio: 'pipe',
  })
  const output = { stdout: '', stderr: '', messages: [] as unknown[] }
  collect(child, output, onMessage)
  child.stdin.on('error', () => {}) // It may end while we write.

  return {
    pid: child.pid,
    messages: output.messages,
    get stdout() {
      return output.stdout
    },
    get stderr() {
      return output.stderr
    },
    send: (message) => void child.stdin.write(`${JSON.stringify(message)}\n`),
    endInput: () => void child.stdin.end(),
    kill: (signal = 'SIGKILL') => void child.kill(signal),
    done: endWithin(child, timeoutMs).then((end) => ({ ...end, ...output })),
  }
}

function collect(
  child: ChildProcessWithoutNullStreams,
  output: Pick<ChildResult, 'stdout' | 'stderr' | 'messages'>,
  onMessage?: (message: unknown) => void,
): void {
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output.stdout += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    output.stderr += chunk
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = parseMessage(line)
    if (message === undefined) return
    output.messages.push(message)
    onMessage?.(message)
  })
}

async function endWithin(child: ChildProcess, timeoutMs: number): Promise<Ending & { timedOut: boolean }> {
  const watchdog = new Watchdog()
  if (child.pid !== undefined) watchdog.guard(child.pid)
  try {
    const ending = endingOf(child)
    const timedOut = (await within(ending, timeoutMs)) === late
    if (timedOut) child.kill('SIGKILL')
    return { ...(await ending), timedOut }
  } finally {
    watchdog.close()
  }
}

/** What a service would see: not that tests run, and nothing the machine is configured to cache in. */
function serviceEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(VITEST|NODE_ENV$|NODE_OPTIONS$|TEST$|CACHE_|REDIS_URL$)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)))
}

/** Only objects: a bare number or string is something the child printed. */
function parseMessage(line: string): unknown {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
