import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export interface RunOptions {
  readonly cwd?: string
  /** Default: ours. */
  readonly env?: NodeJS.ProcessEnv
  /** It is killed then, and `run` rejects. Default one minute. */
  readonly timeoutMs?: number
}

export interface RunResult {
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

/** Runs a program to its end. Rejects, with what it wrote, unless it ends by itself with exit code 0. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { cwd = root, env = process.env, timeoutMs: timeout = 60_000 } = options
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const limits = { timeout, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 } as const
    const child = execFile(file, args, { cwd, env, ...limits }, (error, stdout, stderr) => {
      const ms = performance.now() - began
      if (!error) return resolve({ stdout, stderr, ms })
      const how = error.killed ? `did not end within ${timeout} ms` : `ended with ${error.signal ?? error.code}`
      reject(new Error(`${file} ${args.join(' ')} ${how}\n${stdout}${stderr}`))
    })
    child.stdin?.end()
  })
}

/** The npm that runs us, if one does. */
export function npm(args: readonly string[], cwd: string): Promise<RunResult> {
  const cli = process.env.npm_execpath
  const options = { cwd, timeoutMs: 240_000 }
  return cli?.endsWith('.js') ? run(process.execPath, [cli, ...args], options) : run('npm', args, options)
}

/** Nothing of how the tests were started, and nothing the machine is configured to cache in. */
export function serviceEnvironment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env
  return { PATH, HOME, TMPDIR, ...more }
}
