/**
 * What versions of values begin with: that of the cache and those of its namespaces, each with a slash behind it. Those that
 * have none have a part as well, if any has one: which of them it is that has changed must be certain.
 *
 * @param namespaces - as a space has them
 */
export function levels(cache: string, namespaces: string): string {
  const version = `${cache}/${namespaces}`
  return /[^/]/.test(version) ? version : ''
}
