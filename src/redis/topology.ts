import type { Removal } from '../drivers/driver.ts'
import type { CacheTroubleError } from '../errors.ts'
import type { Watch } from '../watch.ts'
import type { RedisClient } from './client.ts'

/** How a command gets to a server. */
export type Run = <T>(command: string, send: (client: RedisClient) => Promise<T>, timeoutMs?: number) => Promise<T>

/** What is heard of changes at one server: what copies of its entries are judged by. */
export interface Feed {
  /** Another one means that changes may have been missed; 0, that nothing is heard. */
  readonly epoch: number
  /** By our clock: every change that was acknowledged to whoever made it before then has been heard of. */
  readonly heardUntil: number
  /** When it was last asked for. */
  readonly beatAt: number
  /** Brings `heardUntil` up to now. False: it cannot be had. Never rejects. */
  beat(): Promise<boolean>
}

/** What a read brought for one key. An error is that key's own. */
export type Reply = Buffer | null | CacheTroubleError

/** The servers that hold the keys: one, or the masters of a cluster. */
export interface Topology {
  /** A command for this key would fail at once, without having been sent. */
  away(key: string): boolean
  /** Sends a command that touches this key only. @throws CacheTroubleError */
  run<T>(key: string, command: string, send: (client: RedisClient) => Promise<T>, timeoutMs?: number): Promise<T>
  /** One reply for each key, in order, in as few round trips as there are servers. */
  read(keys: readonly string[]): Promise<readonly Reply[]>
  /** Removes by name; the number that was there. @throws CacheTroubleError when any of them could not be removed */
  unlink(keys: readonly string[]): Promise<number>
  /** As a driver's. @throws CacheTroubleError when what is there throughout cannot be had */
  scan(glob: string, looked?: (keys: number) => void): AsyncIterable<readonly string[]>
  watch(key: string): Watch
  /** What is heard of changes of this key; `undefined` while it is not known where it is. Only where a near cache was asked for. */
  feedOf(key: string): Feed | undefined
  /** All that are open. */
  feeds(): readonly Feed[]
  /** Tells other near caches of what has changed, where the server does not. Never rejects. */
  announce(removal: Removal): void
  /** Looks whether who holds the key is still a master, and what time it is there: now and again. */
  recheck(key: string): Promise<void>
  /** Makes connections anew, of whoever holds the key or of all: what is under way on them is not to be carried out. */
  reset(key?: string): void
  close(): Promise<void>
}

/** An invalidation may take longer than a read: nobody is served meanwhile. */
export const REMOVE_TIMEOUT_MS = 1_000
