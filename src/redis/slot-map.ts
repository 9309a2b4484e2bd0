import { CacheTroubleError } from '../errors.ts'
import type { HostAndPort } from '../store-url.ts'
import type { RedisClient } from './client.ts'
import { SLOTS } from './key-slot.ts'

export type Endpoint = HostAndPort

export function nameOf({ host, port }: Endpoint): string {
  return `${host}:${port}`
}

/** Which master has which slot; a hole where none has. */
export type SlotMap = readonly (Endpoint | undefined)[]

/** `CLUSTER SLOTS`: one row a range, `[first, last, [host, port, …] of the master, …replicas]`. */
type Row = readonly [first: number, last: number, master: readonly [host: string | Buffer | null, port: number]]

/**
 * @param asked - who is asked: a server may leave out its own name
 * @throws CacheTroubleError
 */
export async function readSlotMap(client: RedisClient, asked: Endpoint): Promise<SlotMap> {
  const rows = (await client.call('CLUSTER', 'SLOTS').catch(explain)) as readonly Row[]
  const map: (Endpoint | undefined)[] = new Array(SLOTS).fill(undefined)
  for (const [first, last, [name, port]] of rows) {
    const host = String(name ?? '')
    const endpoint = { host: host === '' || host === '?' ? asked.host : host, port: Number(port) }
    map.fill(endpoint, first, last + 1)
  }
  if (rows.length === 0) throw new CacheTroubleError('CLUSTERDOWN', 'the cluster serves no slots')
  return map
}

function explain(error: unknown): never {
  if (!String(error).includes('cluster support disabled')) throw error
  throw new CacheTroubleError('NOCLUSTER', 'this Redis is no cluster, write redis://host:port for it', true)
}

/** Where an error reply sends us. */
export interface Redirection {
  readonly kind: 'MOVED' | 'ASK'
  readonly endpoint: Endpoint
}

/** `MOVED 3999 127.0.0.1:6381`; of a server that leaves out its name, `MOVED 3999 :6381`. */
export function redirectionOf(error: unknown, asked: Endpoint): Redirection | undefined {
  const match = error instanceof CacheTroubleError && /^(MOVED|ASK) \d+ (.*):(\d+)$/.exec(error.message)
  if (!match) return undefined
  const [, kind, host, port] = match as unknown as [string, Redirection['kind'], string, string]
  return { kind, endpoint: { host: host || asked.host, port: Number(port) } }
}
