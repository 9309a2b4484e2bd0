import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('.', import.meta.url))
/** npm writes it last: where it is missing, so is a part of the rest. */
const installed = `${folder}node_modules/.package-lock.json`

/** What is compared with, in the versions of the lock file. Installed once, in a folder of its own. */
export function installPeers(): void {
  if (existsSync(installed)) return
  console.log('Installing what is compared with: npm ci --prefix test/bench/peers')
  const { status, error, stderr } = spawnSync(
    'npm',
    ['ci', '--prefix', folder, '--no-audit', '--no-fund', '--loglevel', 'error'],
    {
      encoding: 'utf8',
    },
  )
  if (status === 0 && existsSync(installed)) return
  const reason = error?.message ?? firstError(stderr) ?? `npm ended with ${status}`
  throw new Error(`The peers could not be installed: ${reason}`)
}

/** npm writes "npm error code …", then what happened. */
function firstError(stderr: string): string | undefined {
  const lines = stderr.split('\n').filter((line) => /^npm (error|ERR!) (?!code|errno|syscall)/.test(line))
  return lines[0]?.replace(/^npm \S+ /, '')
}
