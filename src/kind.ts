/**
 * What an object is, judged by its prototype alone: keys, codec and copies all rest on this one answer, so that they
 * agree on what they can say exactly. A class instance is `other`, even one that looks like plain data.
 */
export type Kind =
  | 'object'
  | 'null-object'
  | 'array'
  | 'date'
  | 'map'
  | 'set'
  | 'bytes'
  | 'regexp'
  | 'url'
  | 'boxed'
  | 'other'

/** Byte containers that come back as the same type. */
export const BYTES = {
  Uint8Array,
  Uint8ClampedArray,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
  ArrayBuffer,
} as const

/** By prototype; and by name, for objects made in another realm (a `vm` context, Jest's outer world). */
const KINDS = new Map<unknown, Kind>([
  ['Object', 'object'],
  ['Array', 'array'],
])
const { URL, Buffer } = globalThis
for (const [kind, types] of Object.entries({
  date: [Date],
  map: [Map],
  set: [Set],
  regexp: [RegExp],
  boxed: [Number, String, Boolean],
  url: [URL],
  bytes: [...Object.values(BYTES), Buffer],
})) {
  for (const type of types) {
    // Not every runtime has all of them.
    if (!type) continue
    KINDS.set(type.prototype, kind as Kind).set(type.name, kind as Kind)
  }
}

export function kindOf(value: object): Kind {
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) return 'object'
  if (prototype === Array.prototype) return 'array'
  if (prototype === null) return 'null-object'
  return KINDS.get(prototype) ?? kindOfForeign(value, prototype)
}

/**
 * A built-in of another realm has the built-in's own brand, and its prototype's constructor is a native function of
 * that name. A class of the user's that happens to be called `Map` is not native.
 */
function kindOfForeign(value: object, prototype: object): Kind {
  const maker = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  if (typeof maker !== 'function' || maker.prototype !== prototype) return 'other'
  const kind = KINDS.get(maker.name)
  if (!kind || !Function.prototype.toString.call(maker).includes('[native code]')) return 'other'
  if (kind === 'array' && !Array.isArray(value)) return 'other'
  return kind
}

/** How messages name a value that is not plain data. */
export function describe(value: unknown): string {
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null) return `${value}`
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name
  return typeof name === 'string' && name !== '' && name !== 'Object' ? `an instance of ${name}` : 'an object'
}

/** The raw bytes of a byte container, without a copy. */
export function bytesOf(value: ArrayBufferView | ArrayBuffer): Uint8Array {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : // The length is asked for since it throws for what only has the prototype of an ArrayBuffer.
      new Uint8Array(value, 0, value.byteLength)
}

/** The name under which {@link BYTES} (or `Buffer`) makes such a container again. */
export function bytesType(value: object): string {
  return Object.getPrototypeOf(value).constructor.name
}
