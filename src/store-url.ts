import { CacheConfigError } from './errors.ts'

export type StoreUrl =
  | { readonly store: 'null' }
  | { readonly store: 'memory' }
  | { readonly store: 'redis'; readonly url: string }

const KNOWN = "write 'redis://host:6379', 'rediss://host:6379', 'memory:' or 'null:'"

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
