import { findExecutable } from './executable.ts'

/** `REDIS_SERVER_BIN` where it is set (then nothing else will do), else the redis-server on the PATH. */
export function findRedisBinary(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return findExecutable(env.REDIS_SERVER_BIN, ['redis-server'], env.PATH)
}
