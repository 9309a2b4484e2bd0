import { CacheConfigError } from './errors.ts'

/** Where a server listens. */
export interface HostAndPort {
  readonly host: string
  readonly port: number
}

/** What is given to every server that a URL names. */
export interface Credentials {
  readonly username?: string
  readonly password?: string
  readonly tls?: object
}

export type StoreUrl =
  | { readonly store: 'null' }
  | { readonly store: 'memory' }
  | { readonly store: 'redis'; readonly url: string }
  | { readonly store: 'cluster'; readonly hosts: readonly HostAndPort[]; readonly credentials: Credentials }
  | {
      readonly store: 'sentinel'
      readonly hosts: readonly HostAndPort[]
      readonly name: string
      readonly db: number
      readonly credentials: Credentials
    }

const KNOWN =
  "write 'redis://host:6379', 'rediss://host:6379', 'redis+cluster://host:6379,host:6380', " +
  "'redis+sentinel://host:26379,host:26380/mymaster', 'memory:' or 'null:'"

/**
 * What a URL names. Messages never repeat the URL: it may hold a password.
 *
 * @param from - where the URL came from: an option or an environment variable
 * @throws CacheConfigError
 */
export function parseStoreUrl(url: string, from: string): StoreUrl {
  const refuse = (why: string): never => {
    throw new CacheConfigError(`${from} ${why}`)
  }
  const scheme = /^([a-z][a-z0-9+.-]*):(?:\/\/|$)/i.exec(url)?.[1]?.toLowerCase()
  if (scheme === undefined) return refuse(`has no scheme: ${KNOWN}`)
  if (scheme === 'null' || scheme === 'memory') return { store: scheme }
  const [redis, tls, kind] = /^redis(s?)(?:\+(cluster|sentinel))?$/.exec(scheme) ?? []
  if (!redis) return refuse(`has the scheme '${scheme}:', which this version does not know: ${KNOWN}`)
  if (!kind) {
    if (/^\/?\d*$/.test(readServer(url, refuse).path)) return { store: 'redis', url }
    return refuse("has a path that is no database number: write 'redis://host:6379/0'")
  }

  // `scheme://user:password@host:port,host:port/path`: several hosts, which is more than `URL` can read.
  const [, userinfo = '', list, path] = /^[^:]+:\/\/([^/]*@)?([^/?#@]*)\/?([^?#]*)$/.exec(url) ?? []
  if (list === undefined || path === undefined) return refuse(`cannot be read: ${KNOWN}`)
  const defaultPort = kind === 'cluster' ? 6379 : 26379
  const servers = list.split(',').map((server) => readServer(`redis://${userinfo}${server}`, refuse))
  const hosts = servers.map(({ host, port }) => ({ host, port: Number(port || defaultPort) }))
  const credentials = { ...servers[0]?.credentials, ...(tls ? { tls: {} } : {}) }
  if (kind === 'cluster') {
    if (path && path !== '0') refuse('names a database, and a cluster has only one')
    return { store: 'cluster', hosts, credentials }
  }
  const [, name, db = 0] = /^([\w.-]+)(?:\/(\d+))?$/.exec(path) ?? []
  if (!name) return refuse("does not name the master: write 'redis+sentinel://host:26379/mymaster'")
  return { store: 'sentinel', hosts, name, db: Number(db), credentials }
}

/** One server, as `URL` reads it. */
function readServer(text: string, refuse: (why: string) => never) {
  try {
    const { hostname, port, pathname, username, password } = new URL(text)
    if (hostname !== '' && port !== '0') {
      const named = Object.entries({ username, password }).filter(([, value]) => value !== '')
      return {
        host: hostname.replace(/^\[|\]$/g, ''),
        port,
        path: pathname,
        credentials: Object.fromEntries(named.map(([name, value]) => [name, decodeURIComponent(value)])) as Credentials,
      }
    }
  } catch {
    refuse('is not a valid URL: a host is host:port, and special characters in a password must be percent-encoded')
  }
  return refuse(`names no host, or port 0: ${KNOWN}`)
}
