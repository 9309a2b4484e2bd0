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

/** With the folder of the package whose version tells most. */
const OWN: Record<string, string | undefined> = {
  uncached: undefined,
  'hand-written': '../../../node_modules/ioredis',
  cachewell: '../../..',
}
const PEERS: Record<string, string> = {
  'layered-loader': 'layered-loader',
  'async-cache-dedupe': 'async-cache-dedupe',
  cachified: '@epic-web/cachified',
  cacheable: 'cacheable',
  bentocache: 'bentocache',
  'cache-manager': 'cache-manager',
  'type-cacheable': '@type-cacheable/core',
}

export const NAMES: readonly string[] = [...Object.keys(OWN), ...Object.keys(PEERS)]

export const isPeer = (name: string): boolean => Object.hasOwn(PEERS, name)

/** Of a peer: when the peers are installed. */
export function contestant(name: string): Contestant {
  const peer = PEERS[name]
  if (peer !== undefined) {
    return { name, adapter: at(`../peers/adapters/${name}.mjs`), version: versionOf(`../peers/node_modules/${peer}`) }
  }
  const own = OWN[name]
  const version = own === undefined ? '' : versionOf(own)
  return {
    name,
    adapter: at(`./adapters/${name}.ts`),
    version: name === 'hand-written' ? `(ioredis ${version})` : version,
  }
}

const at = (path: string) => new URL(path, import.meta.url)

const versionOf = (folder: string): string =>
  JSON.parse(readFileSync(at(`${folder}/package.json`), 'utf8')).version as string
