import { must } from './checks.ts'

const KNOWN =
  "write 'redis://host:6379', 'rediss://host:6379', 'redis+cluster://host:6379,host:6380', " +
  "'redis+sentinel://host:26379,host:26380/mymaster', 'memory:' or 'null:'"

type Redis = 'redis' | 'cluster' | 'sentinel'

/** The parts of a URL that names a store. */
export interface ReadUrl {
  readonly store: 'null' | 'memory' | Redis
  readonly tls: boolean
  readonly servers: readonly URL[]
  readonly path: string
}

/** What may stand behind the servers, and what is wrong when something else does. */
const PATHS: Readonly<Record<Redis, readonly [RegExp, string]>> = {
  redis: [/^\/?\d*$/, "has a path that is no database number: write 'redis://host:6379/0'"],
  cluster: [/^0?$/, 'names a database, and a cluster has only one'],
  sentinel: [/^[\w.-]+(?:\/\d+)?$/, "does not name the master: write 'redis+sentinel://host:26379/mymaster'"],
}

/**
 * Takes a URL apart, where that can be done. Messages never repeat it: it may hold a password.
 *
 * @param from - where the URL came from: an option or an environment variable
 * @throws CacheConfigError
 */
export function readUrl(url: string, from: string): ReadUrl {
  const scheme = /^([a-z][a-z0-9+.-]*):(?:\/\/|$)/i.exec(url)?.[1]?.toLowerCase()
  must(scheme, `${from} has no scheme: ${KNOWN}`)
  if (scheme === 'null' || scheme === 'memory') return { store: scheme, tls: false, servers: [], path: '' }
  const [redis, tls, several] = /^redis(s?)(?:\+(cluster|sentinel))?$/.exec(scheme) ?? []
  must(redis, `${from} has the unknown scheme '${scheme}:': ${KNOWN}`)
  const store = (several ?? 'redis') as Redis

  // `scheme://user:password@host:port,host:port/path`: several hosts, which is more than `URL` can read.
  const [, userinfo = '', list, path] = /^[^:]+:\/\/([^/]*@)?([^/?#@]*)\/?([^?#]*)$/.exec(url) ?? []
  must(!several || list !== undefined, `${from} cannot be read: ${KNOWN}`)
  const servers = several
    ? (list as string).split(',').map((server) => readServer(`redis://${userinfo}${server}`, from))
    : [readServer(url, from)]
  const read = { store, tls: tls !== '', servers, path: several ? (path as string) : (servers[0] as URL).pathname }
  const [allowed, otherwise] = PATHS[store]
  must(allowed.test(read.path), `${from} ${otherwise}`)
  return read
}

function readServer(text: string, from: string): URL {
  let server: URL | undefined
  try {
    server = new URL(text)
    decodeURIComponent(server.username + server.password)
    // A password that is cut short: what comes behind its @ would be taken for a host.
    if (server.hash !== '') server = undefined
  } catch {
    server = undefined
  }
  must(
    server,
    `${from} is not a valid URL: a host is host:port, and special characters in a password must be percent-encoded`,
  )
  // Options in a query would count for more than our own, which keep what was invalidated from coming back.
  must(
    /^(\?family=[046])?$/.test(server.search),
    `${from} has a query: give options of ioredis by a client, as in client: new Redis('redis://…', { … })`,
  )
  must(server.hostname !== '' && server.port !== '0', `${from} names no host, or port 0: ${KNOWN}`)
  return server
}
