import { findExecutable } from './executable.ts'

/** `CHROMIUM_BIN` where it is set (then nothing else will do), else a Chromium or Chrome on the PATH. */
export function findChromiumBinary(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return findExecutable(env.CHROMIUM_BIN, ['chromium', 'chromium-browser', 'google-chrome'], env.PATH)
}
