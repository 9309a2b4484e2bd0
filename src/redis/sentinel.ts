import type { Clock } from '../clock.ts'
import { withDeadline } from '../deadline.ts'
import { CacheTroubleError } from '../errors.ts'
import { type ClientRecipe, endClient, recipeFrom } from './client.ts'
import type { Endpoint } from './slot-map.ts'

export interface SentinelOptions {
  readonly sentinels: readonly Endpoint[]
  /** As the sentinels call the master. */
  readonly name: string
  /** Options of ioredis for connections to sentinels, and for those to servers. */
  readonly forSentinels: object
  readonly forServers: object
  readonly connectTimeoutMs: number
  readonly clock: Clock
}

/** Together with connecting, less than a connection may take. */
const ANSWER_MS = 500

/**
 * The master that the sentinels name at the time of connecting. All of them are asked at once, and the first to answer
 * counts: one that is hung, or has died with the master, holds nobody up. Whether it is a master, its connection finds out.
 */
export function recipeFromSentinels(options: SentinelOptions): ClientRecipe {
  const { sentinels, forServers, connectTimeoutMs } = options
  return async () => {
    const answers = sentinels.map((sentinel) => masterBy(sentinel, options))
    const master = await Promise.any(answers).catch((error: AggregateError) => {
      throw error.errors[0]
    })
    return recipeFrom({ ...forServers, ...master }, connectTimeoutMs)()
  }
}

async function masterBy(sentinel: Endpoint, options: SentinelOptions): Promise<Endpoint> {
  const { name, forSentinels, connectTimeoutMs, clock } = options
  const client = await recipeFrom({ ...forSentinels, ...sentinel, db: 0 }, connectTimeoutMs)()
  let cause: unknown
  client.on('error', (error: never) => {
    cause ??= error
  })
  try {
    await withDeadline(client.connect(), ANSWER_MS, 'connecting to a sentinel', clock)
    const asked = client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)
    const reply = (await withDeadline(asked, ANSWER_MS, 'a sentinel', clock)) as [host: string, port: string] | null
    if (!reply) throw new CacheTroubleError('NOMASTER', `the sentinels know no master called '${name}'`)
    return { host: reply[0], port: Number(reply[1]) }
  } catch (error) {
    // The socket's own error says more than that the connection is closed.
    throw cause ?? error
  } finally {
    endClient(client)
  }
}
