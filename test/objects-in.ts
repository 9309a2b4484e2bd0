/** Every object in the value, bytes with the buffer they look at. */
export function objectsIn(value: unknown, found = new Set<unknown>()): Set<unknown> {
  if (typeof value !== 'object' || value === null) return found
  found.add(value)
  if (ArrayBuffer.isView(value)) return found.add(value.buffer)
  if (value instanceof Map) for (const entry of value) for (const part of entry) objectsIn(part, found)
  else if (value instanceof Set) for (const item of value) objectsIn(item, found)
  else if (!(value instanceof ArrayBuffer)) for (const item of Object.values(value)) objectsIn(item, found)
  return found
}
