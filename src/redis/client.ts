import { loadIoredis } from './load-ioredis.ts'

/** What we use of an ioredis client; ioredis 5 and 6 and ioredis-mock all have it. */
export interface RedisClient {
  connect(): Promise<unknown>
  disconnect(): void
  duplicate(options?: object): RedisClient
  on(event: string, listener: (...args: never[]) => void): unknown
  defineCommand(name: string, definition: { numberOfKeys: number; lua: string }): void
  ping(): Promise<unknown>
  info(section: string): Promise<unknown>
  time(): Promise<readonly (string | number)[]>
  getBuffer(key: string): Promise<Buffer | null>
  mgetBuffer(keys: readonly string[]): Promise<(Buffer | null)[]>
  set(key: string, value: string | Buffer, px: 'PX', ms: number): Promise<unknown>
  call(command: string, ...args: string[]): Promise<unknown>
  subscribe(channel: string): Promise<unknown>
  unlink(keys: readonly string[]): Promise<number>
  scan(cursor: string, match: 'MATCH', pattern: string, count: 'COUNT', n: number): Promise<[string, string[]]>
  readonly status?: string
  readonly options?: { readonly [option: string]: unknown }
  readonly stream?: { unref?(): unknown; destroy?(): unknown; cork?(): void; uncork?(): void }
}

/** Makes a client that is not connected yet. Called anew for every connection: no client carries state over. */
export type ClientRecipe = () => RedisClient | Promise<RedisClient>

/**
 * The client fails fast and forgets: no queue while it is away, nothing sent again after a reconnect (a SET that was
 * resent after somebody's UNLINK would bring the old value back), no reconnecting of its own (its timers would keep
 * the process alive; `Connection` does it).
 */
const OURS = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  retryStrategy: () => null,
  reconnectOnError: null,
  enableReadyCheck: false,
  disableClientInfo: true,
  enableAutoPipelining: false,
  commandTimeout: undefined,
  stringNumbers: false,
  disconnectTimeout: 0,
  keyPrefix: '',
  // ioredis 6 would speak RESP3 and drop invalidation messages; ioredis 5 knows no such option.
  protocol: 2,
}

/**
 * From a `redis://` or `rediss://` URL, or from options of ioredis, which is loaded at the first connection.
 */
export function recipeFrom(source: string | object, connectTimeout: number): ClientRecipe {
  return async () => {
    const { Redis } = await loadIoredis()
    const given = typeof source === 'string' ? [source] : []
    const options = { ...(typeof source === 'string' ? {} : source), ...OURS, connectTimeout }
    return new Redis(...given, options)
  }
}

/**
 * From a client of the user's, which serves as a recipe only: ours is a duplicate with our own options, so that
 * neither side's settings or subscriptions reach the other.
 */
export function recipeFromClient(client: RedisClient, connectTimeout: number): ClientRecipe {
  return () => client.duplicate({ ...OURS, connectTimeout })
}

/** What must not appear in a message. */
export function secretsOf(source: string | { readonly [option: string]: unknown } | undefined): string[] {
  const found =
    typeof source === 'string'
      ? [source, new URL(source).password, safeDecode(new URL(source).password)]
      : [source?.password, source?.sentinelPassword]
  return found.filter((secret): secret is string => typeof secret === 'string' && secret !== '')
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * Ends a client at once. ioredis would wait, with a timer that keeps the process alive, for a socket that has closed
 * already or for a server that no longer answers: with its two seconds and an attempt each second, for ever.
 */
export function endClient(client: RedisClient): void {
  if (client.status === 'end') return
  client.disconnect()
  client.stream?.destroy?.()
}
