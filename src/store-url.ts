import { readUrl } from './read-url.ts'

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

/**
 * What a URL names.
 *
 * @param from - where the URL came from: an option or an environment variable
 * @throws CacheConfigError
 */
export function parseStoreUrl(url: string, from: string): StoreUrl {
  const { store, tls, servers, path } = readUrl(url, from)
  if (store === 'null' || store === 'memory') return { store }
  if (store === 'redis') return { store, url }
  const { username, password } = servers[0] as URL
  const credentials: Credentials = {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(tls ? { tls: {} } : {}),
  }
  const defaultPort = store === 'cluster' ? 6379 : 26379
  const hosts = servers.map(({ hostname, port }) => ({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || defaultPort),
  }))
  if (store === 'cluster') return { store, hosts, credentials }
  const [name, db = 0] = path.split('/')
  return { store, hosts, name: name as string, db: Number(db), credentials }
}
