import type { RedisClient } from './client.ts'

/** Who answers at the other end of a connection, as far as it tells. */
export interface Identity {
  /** New with every start of a server: what it had acknowledged before may be gone, or back. */
  readonly runId: string | undefined
  readonly replica: boolean
}

/** INFO may be forbidden, and a mock may know nothing of it: then a restart goes unnoticed, and the ttl bounds it. */
export async function identify(client: RedisClient): Promise<Identity> {
  const [server, replication] = await Promise.all(['server', 'replication'].map((section) => fields(client, section)))
  return { runId: server?.get('run_id'), replica: replication?.get('role') === 'slave' }
}

async function fields(client: RedisClient, section: string): Promise<Map<string, string>> {
  const text = await client.info(section).catch(() => '')
  const lines = String(text).matchAll(/^(\w+):(.*?)\r?$/gm)
  return new Map(Array.from(lines, ([, name, value]) => [name as string, value as string]))
}
