/** Edge runtimes may have no `process`. */
export function environment(): Record<string, string | undefined> {
  return globalThis.process?.env ?? {}
}
