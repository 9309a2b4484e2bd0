import type { StoreUrl } from '../store-url.ts'
import { type ClientRecipe, type RedisClient, recipeFrom, recipeFromClient, secretsOf } from './client.ts'
import { Cluster } from './cluster.ts'
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
  const one = (recipe: ClientRecipe, secrets: readonly string[]) => new Server({ ...shared, recipe, secrets, hints })
  switch (place.store) {
    case 'redis':
      return one(recipeFrom(place.url, connectTimeoutMs), secretsOf(place.url))
    case 'sentinel': {
      const { hosts, name, db, credentials } = place
      const { tls, password } = credentials
      // The credentials, and TLS, are for the servers: for sentinels that want some too, there is `client`.
      const options = { sentinels: hosts, name, db, ...credentials, enableTLSForSentinelMode: tls !== undefined }
      return one(recipeFrom(options, connectTimeoutMs), secretsOf({ password }))
    }
    case 'cluster':
      return clusterOf(place.hosts, { ...place.credentials }, undefined, shared)
    case 'client':
      if (isCluster(place.client)) {
        const { startupNodes, options } = place.client
        return clusterOf(startupNodes.map(endpointOf), options.redisOptions ?? {}, options.natMap, shared)
      }
      return one(recipeFromClient(place.client, connectTimeoutMs), secretsOf(place.client.options))
  }
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
