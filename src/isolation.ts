import { BYTES, bytesOf, bytesType, kindOf } from './kind.ts'

/**
 * How callers are kept from changing what the next caller gets (in memory and of near copies; what comes from Redis is always new).
 *
 * - `clone` (default): everyone gets a copy of their own.
 * - `freeze`: everyone gets the same deeply frozen object; changing it throws in strict mode.
 * - `share`: everyone gets the same object. The fastest, and nothing protects it.
 */
export type Isolation = 'clone' | 'freeze' | 'share'

/**
 * A copy of plain data, several times faster than `structuredClone` or a trip through JSON. The value must have
 * passed `inspect`: here nothing is checked any more.
 */
export function copy<T>(value: T): T {
  return (typeof value === 'object' && value !== null ? copyObject(value) : value) as T
}

/** The same of what has not passed it: what is looked at later may be another by then. What cannot be copied is handed on. */
export function copyAsItIs<T>(value: T): T {
  try {
    return copy(value)
  } catch {
    return value
  }
}

function copyObject(value: object): unknown {
  switch (kindOf(value)) {
    case 'array':
      return copyArray(value as unknown[])
    case 'object':
      // A literal with a spread is copied as a whole, its shape included.
      return copyFields({ ...(value as Record<string, unknown>) })
    case 'null-object':
      return copyFields(Object.assign(Object.create(null), value))
    case 'date':
      return new Date((value as Date).getTime())
    case 'map':
      return new Map(Array.from(value as Map<unknown, unknown>, ([key, item]) => [copy(key), copy(item)]))
    case 'set':
      return new Set(Array.from(value as Set<unknown>, copy))
    case 'bytes':
      return makeBytes(bytesType(value), bytesOf(value as ArrayBufferView).slice())
    default:
      return value
  }
}

function copyArray(array: unknown[]): unknown[] {
  const copied = new Array(array.length)
  for (let i = 0; i < array.length; i++) {
    const item = array[i]
    if (typeof item === 'object' && item !== null) copied[i] = copyObject(item)
    else if (item !== undefined || Object.hasOwn(array, i)) copied[i] = item
  }
  return copied
}

/** The fields of a copy, in their place: a `__proto__` among them is its own already, and no setter is met. */
function copyFields(copied: Record<string, unknown>): Record<string, unknown> {
  // Without an array of the names; what somebody may have added to Object.prototype is not the object's own.
  for (const name in copied) {
    const item = copied[name]
    if (typeof item === 'object' && item !== null && Object.hasOwn(copied, name)) copied[name] = copyObject(item)
  }
  return copied
}

/** Assigning to `__proto__` would set the prototype; data may have a field of that name. */
export function setOwn(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true })
  } else target[name] = value
}

/** A byte container of the named type over a buffer of its own. */
export function makeBytes(type: string, bytes: Uint8Array): unknown {
  if (type === 'Buffer') return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const Type = Object.hasOwn(BYTES, type) ? BYTES[type as keyof typeof BYTES] : undefined
  if (!Type) throw new TypeError(`no byte container is called ${type}`)
  const buffer = bytes.slice().buffer as ArrayBuffer
  return Type === ArrayBuffer ? buffer : new (Type as Uint8ArrayConstructor)(buffer)
}

/** Freezes plain data all the way down. Bytes, Dates, Maps and Sets cannot be frozen by JavaScript: they stay open. */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  const kind = kindOf(value)
  if (kind === 'map') for (const entry of value as unknown as Map<unknown, unknown>) entry.forEach(freeze)
  else if (kind === 'set') for (const item of value as unknown as Set<unknown>) freeze(item)
  else if (kind === 'object' || kind === 'array' || kind === 'null-object') {
    for (const item of Object.values(value)) freeze(item)
    Object.freeze(value)
  }
  return value
}
