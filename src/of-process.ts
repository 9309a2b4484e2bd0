/**
 * What all copies of this package in a process have in common: the ESM and the CJS one, and several versions of it.
 *
 * @param name - of what it is; another number at its end where that has another shape
 */
export function ofProcess<T>(name: string, make: () => T): T {
  const slots = globalThis as { [slot: symbol]: T | undefined }
  const slot = Symbol.for(name)
  slots[slot] ??= make()
  return slots[slot]
}
