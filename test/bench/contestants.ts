import { readFileSync } from 'node:fs'

export type Load = (key: string) => Promise<unknown>

/**
 * Wraps `load` as the library's own guide does: Redis and nothing else to store in, everything it has against
 * stampedes left on. Default export of a module of its own.
 */
export type Adapter = (url: string, load: Load, ttlMs: number) => Promise<Load>

export interface Contestant {
  readonly name: string
  readonly adapter: URL
  readonly version: string
}

/** With the package whose version tells most. */
const PEERS: Record<string, string> = {
  'layered-loader': 'layered-loader',
  'async-cache-dedupe': 'async-cache-dedupe',
  cachified: '@epic-web/cachified',
  cacheable: 'cacheable',
  bentocache: 'bentocache',
  'cache-manager': 'cache-manager',
  'type-cacheable': '@type-cacheable/core',
}

const at = (path: string) => new URL(path, import.meta.url)

const versionOf = (folder: string): string =>
  JSON.parse(readFileSync(at(`${folder}/package.json`), 'utf8')).version as string

export const PEER_NAMES: readonly string[] = Object.keys(PEERS)

export const isPeer = (name: string): boolean => Object.hasOwn(PEERS, name)

/** When the peers are installed. */
export const peer = (name: string): Contestant => ({
  name,
  adapter: at(`./peers/adapters/${name}.mjs`),
  version: versionOf(`./peers/node_modules/${PEERS[name]}`),
})

export const cachewell: Contestant = {
  name: 'cachewell',
  adapter: at('./adapters/cachewell.ts'),
  version: versionOf('../..'),
}

export const uncached: Contestant = { name: 'uncached', adapter: at('./adapters/uncached.ts'), version: '' }

/** What people write without a library depends on what they care for: each benchmark has its own. */
export const handWritten = (adapter: URL): Contestant => ({
  name: 'hand-written',
  adapter,
  version: `(ioredis ${versionOf('../../node_modules/ioredis')})`,
})
