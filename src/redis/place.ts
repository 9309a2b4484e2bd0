import type { StoreUrl } from '../store-url.ts'
import { type ClientRecipe, type RedisClient, recipeFrom, recipeFromClient, secretsOf } from './client.ts'
import { Cluster } from './cluster.ts'
import { recipeFromSentinels, type SentinelOptions } from './sentinel.ts'
import { Server, type ServerOptions } from './server.ts'
import { type Endpoint, nameOf } from './slot-map.ts'
import type { Topology } from './topology.ts'

/** A Redis, however it was named. */
export type Place =
  | Exclude<StoreUrl, { store: 'null' | 'memory' }>
  | { readonly store: 'client'; readonly client: RedisClient }

const hints = { MOVED: 'this Redis is part of a cluster, write redis+cluster://host:port for it' }

type Shared = Omit<ServerOptions, 'recipe' | 'secrets'>

/** What we read of an ioredis `Cluster`: where it begins, and the options of its connections. */
interface ClusterClient {
  readonly isCluster: true
  readonly startupNodes: readonly (string | number | Partial<Endpoint>)[]
  readonly options: {
    readonly redisOptions?: { readonly [option: string]: unknown }
    readonly natMap?: NatMap
  }
}
type NatMap = { readonly [endpoint: string]: Endpoint } | ((endpoint: string) => Endpoint | null)

export function topologyOf(place: Place, shared: Shared): Topology {
  const { connectTimeoutMs } = shared
  const one = (recipe: ClientRecipe, secrets: readonly string[], db: unknown) =>
    new Server({ ...shared, recipe, secrets, hints, prepareMore: selectOf(db) })
  switch (place.store) {
    case 'redis':
      return one(recipeFrom(place.url, connectTimeoutMs), secretsOf(place.url), new URL(place.url).pathname.slice(1))
    case 'sentinel': {
      const { hosts, name, db, credentials } = place
      // The credentials, and TLS, are for the servers: for sentinels that want some too, there is `client`.
      return watched({ sentinels: hosts, name, forSentinels: {}, forServers: { ...credentials, db } }, shared)
    }
    case 'cluster':
      return clusterOf(place.hosts, { ...place.credentials }, undefined, shared)
    case 'client':
      if (isCluster(place.client)) {
        const { startupNodes, options } = place.client
        return clusterOf(startupNodes.map(endpointOf), options.redisOptions ?? {}, options.natMap, shared)
      }
      if (place.client.options?.sentinels) return watchedByClient(place.client.options, shared)
      return one(
        recipeFromClient(place.client, connectTimeoutMs),
        secretsOf(place.client.options),
        place.client.options?.db,
      )
  }
}

/** ioredis goes on in database 0 when the one that was named is refused: others' keys may be there. */
function selectOf(db: unknown): ServerOptions['prepareMore'] {
  return Number(db ?? 0) === 0 ? undefined : (client) => client.call('SELECT', String(db))
}

type Watched = Pick<SentinelOptions, 'sentinels' | 'name' | 'forSentinels'> & {
  readonly forServers: { readonly [option: string]: unknown }
}

function watched(options: Watched, shared: Shared): Topology {
  const { connectTimeoutMs, clock } = shared
  const { forServers, forSentinels } = options
  return new Server({
    ...shared,
    hints,
    recipe: recipeFromSentinels({ ...options, connectTimeoutMs, clock }),
    secrets: [...secretsOf(forServers), ...secretsOf(forSentinels as { [option: string]: unknown })],
    prepareMore: selectOf(forServers.db),
  })
}

/** By the options of an ioredis client that asks sentinels. */
function watchedByClient(options: { readonly [option: string]: unknown }, shared: Shared): Topology {
  const { sentinels, name, sentinelUsername, sentinelPassword, sentinelTLS, enableTLSForSentinelMode, ...rest } =
    options
  const forSentinels = { username: sentinelUsername, password: sentinelPassword, tls: sentinelTLS }
  // As in ioredis: TLS is for the servers only where that is said.
  const forServers = enableTLSForSentinelMode ? rest : { ...rest, tls: undefined }
  const endpoints = (sentinels as Partial<Endpoint>[]).map(({ host = '127.0.0.1', port = 26379 }) => ({
    host,
    port: Number(port),
  }))
  return watched({ sentinels: endpoints, name: String(name), forSentinels, forServers }, shared)
}

function clusterOf(
  seeds: readonly Endpoint[],
  redisOptions: { readonly [option: string]: unknown },
  natMap: NatMap | undefined,
  shared: Shared,
): Topology {
  const recipeFor = (endpoint: Endpoint) =>
    recipeFrom({ ...redisOptions, ...translate(endpoint, natMap) }, shared.connectTimeoutMs)
  return new Cluster({ ...shared, seeds, recipeFor, secrets: secretsOf(redisOptions) })
}

/** Behind an address translation, servers do not know where they are reached. */
function translate(endpoint: Endpoint, natMap: NatMap | undefined): Endpoint {
  const name = nameOf(endpoint)
  const mapped = typeof natMap === 'function' ? natMap(name) : natMap?.[name]
  return mapped ? { host: mapped.host, port: mapped.port } : { host: endpoint.host, port: endpoint.port }
}

function isCluster(client: object): client is ClusterClient {
  return 'isCluster' in client && client.isCluster === true
}

/** A startup node as ioredis takes it: an object, a port, or `host:port` or a URL. */
function endpointOf(node: ClusterClient['startupNodes'][number]): Endpoint {
  if (typeof node === 'number') return { host: '127.0.0.1', port: node }
  if (typeof node === 'object') return { host: node.host ?? '127.0.0.1', port: Number(node.port ?? 6379) }
  const url = new URL(node.includes('://') ? node : `redis://${node}`)
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 6379) }
}
