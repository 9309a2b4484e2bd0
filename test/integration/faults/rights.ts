import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const page = fileURLToPath(new URL('../../../docs/getting-started.md', import.meta.url))

/** The one rule of docs/getting-started.md: what the cache may do in Redis, and nothing else. All faults happen under it. */
export function rightsFor(prefix: string): string[] {
  const [, rule = ''] = /`(\+ping [^`]*~<prefix>\*)`/.exec(readFileSync(page, 'utf8')) ?? []
  return rule.replace('<prefix>', prefix).split(/\s+/)
}

/** In a cluster it has to find out who has which slot as well: docs/reliability.md names it. */
export const MORE_IN_A_CLUSTER = ['+cluster|slots', '+cluster|nodes', '+cluster|info', '+asking', '+script|load']
