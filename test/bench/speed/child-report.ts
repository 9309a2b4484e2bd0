import { runChild } from '../../support/child.ts'
import type { Program } from './member-process.ts'

const LIMIT_MS = 60_000

/** What a fresh process tells in the end, of which there is nothing to ask. */
export async function reportOf<T>(
  { file, env }: Program,
  more: Record<string, string>,
  nodeArgs: readonly string[] = [],
): Promise<T> {
  const child = runChild(file, { env: { ...env, NODE_ENV: 'production', ...more }, nodeArgs, timeoutMs: LIMIT_MS })
  const { messages, stderr } = await child.done
  if (messages.length !== 1) throw new Error(`${file.pathname} told nothing: ${stderr.trim()}`)
  return messages[0] as T
}
