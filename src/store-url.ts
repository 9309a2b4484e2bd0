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
  const scheme = /^([a-z][a-z0-9+.-]*):(?:\/\/|$)/i.exec(url)?.[1]?.toLowerCase()
  switch (scheme) {
    case 'null':
    case 'memory':
      return { store: scheme }
    case 'redis':
    case 'rediss':
      return { store: 'redis', url: checkRedisUrl(url, from) }
    case 'redis+cluster':
    case 'rediss+cluster':
    case 'redis+sentinel':
    case 'rediss+sentinel':
      return parseSeveral(url, scheme, from)
    case undefined:
      throw new CacheConfigError(`${from} has no scheme: ${KNOWN}`)
  }
  throw new CacheConfigError(`${from} has the scheme '${scheme}:', which this version does not know: ${KNOWN}`)
}

function checkRedisUrl(url: string, from: string): string {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    throw new CacheConfigError(`${from} is not a valid URL: special characters in a password must be percent-encoded`)
  }
  if (parsed.hostname === '') throw new CacheConfigError(`${from} names no host: ${KNOWN}`)
  if (!/^\/?\d*$/.test(parsed.pathname)) {
    throw new CacheConfigError(`${from} has a path that is no database number: write 'redis://host:6379/0'`)
  }
  return url
}

/** `scheme://user:password@host:port,host:port/path`: several hosts, which is more than `URL` can read. */
function parseSeveral(url: string, scheme: string, from: string): StoreUrl {
  const [, userinfo, list, path] = /^[^:]+:\/\/(?:([^/]*)@)?([^/?#@]*)\/?([^?#]*)$/.exec(url) ?? []
  if (list === undefined || path === undefined) throw new CacheConfigError(`${from} cannot be read: ${KNOWN}`)
  const [kind, tls] = [scheme.endsWith('+cluster') ? 'cluster' : 'sentinel', scheme.startsWith('rediss')]
  const defaultPort = kind === 'cluster' ? 6379 : 26379
  const hosts = list.split(',').map((text) => parseHost(text, defaultPort, from))
  const credentials = { ...parseUserinfo(userinfo, from), ...(tls ? { tls: {} } : {}) }
  if (kind === 'cluster') {
    if (path !== '' && path !== '0') throw new CacheConfigError(`${from} names a database, and a cluster has only one`)
    return { store: 'cluster', hosts, credentials }
  }
  const [, name, db] = /^([\w.-]+)(?:\/(\d+))?$/.exec(path) ?? []
  if (!name)
    throw new CacheConfigError(`${from} does not name the master: write 'redis+sentinel://host:26379/mymaster'`)
  return { store: 'sentinel', hosts, name, db: Number(db ?? 0), credentials }
}

function parseHost(text: string, defaultPort: number, from: string): HostAndPort {
  const [, v6, plain, port] = /^(?:\[([\da-f:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? []
  const host = v6 ?? plain
  if (!host || Number(port ?? 1) > 65_535 || port === '0') {
    throw new CacheConfigError(`${from} has a host that cannot be read: write host:port, several of them with commas`)
  }
  return { host, port: Number(port ?? defaultPort) }
}

function parseUserinfo(userinfo: string | undefined, from: string): Credentials {
  if (!userinfo) return {}
  const colon = userinfo.indexOf(':')
  try {
    const [username, password] = (
      colon < 0 ? [userinfo, ''] : [userinfo.slice(0, colon), userinfo.slice(colon + 1)]
    ).map(decodeURIComponent)
    return { ...(username ? { username } : {}), ...(password ? { password } : {}) }
  } catch {
    throw new CacheConfigError(`${from} is not a valid URL: special characters in a password must be percent-encoded`)
  }
}
