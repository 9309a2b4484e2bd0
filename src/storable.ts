import { bytesOf, describe, kindOf } from './kind.ts'

/** A value that cannot be stored and come back as what it was. */
export class UnstorableError extends Error {
  override readonly name = 'UnstorableError'

  constructor(
    readonly path: string,
    readonly what: string,
  ) {
    super(`${path} is ${what}`)
  }
}

/** A value above `maxValueBytes`, or one that alone would not fit into memory. */
export class TooLargeError extends Error {
  override readonly name = 'TooLargeError'

  constructor(
    readonly limit: number,
    option = 'maxValueBytes',
  ) {
    super(`the value is larger than ${option} (${limit} bytes)`)
  }
}

/** What a look through a value has found. */
export interface Inspection {
  /** It holds something that JSON cannot say: a Date, a Map, undefined, … */
  readonly special: boolean
  /** An estimate of the memory it takes, in bytes. */
  readonly size: number
}

/** What one slot of an object or array is taken to cost, beside what it holds. */
const SLOT = 16
const HEADER = 24

/**
 * Looks through a value that is about to be stored, once. What would not come back as what it was is refused here,
 * for memory and for Redis alike, so that a service does not find it out on the day it switches.
 *
 * @throws UnstorableError with the path of the first class instance, function, stream, cycle …
 * @throws TooLargeError as soon as it is clear that the value exceeds the limit
 */
export function inspect(value: unknown, limit: number): Inspection {
  const walk: Walk = { special: false, size: 0, limit, ancestors: [] }
  visit(value, walk, '', 'result')
  return walk
}

interface Walk {
  special: boolean
  size: number
  readonly limit: number
  readonly ancestors: object[]
}

/** `path` is kept as parent and name, and only joined when there is something to report. */
type Path = readonly [Path | '', string | number] | ''

function visit(value: unknown, walk: Walk, parent: Path, name: string | number): void {
  if (typeof value === 'object' && value !== null) visitObject(value, walk, [parent, name])
  else grow(walk, visitPrimitive(value, walk, parent, name))
}

/** What it takes, in bytes. */
function visitPrimitive(value: unknown, walk: Walk, parent: Path, name: string | number): number {
  switch (typeof value) {
    case 'string':
      return SLOT + value.length
    case 'number':
      if (!Number.isFinite(value) || Object.is(value, -0)) walk.special = true
      return 8
    case 'undefined':
      walk.special = true
      return SLOT
    case 'bigint':
      walk.special = true
      return BigInt.asIntN(64, value) === value ? SLOT : SLOT + value.toString(16).length
    case 'boolean':
    case 'object':
      return 8
    default:
      throw new UnstorableError(spell([parent, name]), describe(value))
  }
}

function visitObject(value: object, walk: Walk, path: Path): void {
  if (walk.ancestors.includes(value))
    throw new UnstorableError(spell(path), 'a reference back to an object that holds it')
  walk.ancestors.push(value)
  grow(walk, HEADER)
  const kind = kindOf(value)
  switch (kind) {
    case 'null-object':
      walk.special = true
      visitRecord(value as Record<string, unknown>, walk, path)
      break
    case 'object':
      visitRecord(value as Record<string, unknown>, walk, path)
      break
    case 'array':
      visitArray(value as unknown[], walk, path)
      break
    case 'date':
    case 'map':
    case 'set':
    case 'bytes':
      walk.special = true
      visitSpecial(value, kind, walk, path)
      break
    default:
      throw new UnstorableError(spell(path), describe(value))
  }
  walk.ancestors.pop()
}

function visitRecord(record: Record<string, unknown>, walk: Walk, path: Path): void {
  refuseSymbols(record, path)
  for (const name of Object.keys(record)) {
    walk.size += SLOT + name.length
    visit(record[name], walk, path, name)
  }
}

function visitArray(array: unknown[], walk: Walk, path: Path): void {
  // A huge sparse array is a few bytes of source and gigabytes of JSON.
  grow(walk, array.length)
  let present = 0
  for (let i = 0; i < array.length; i++) {
    const item = array[i]
    if (item === undefined && !Object.hasOwn(array, i)) {
      walk.special = true
      grow(walk, SLOT)
      continue
    }
    present++
    visit(item, walk, path, i)
  }
  if (Object.keys(array).length !== present) throw new UnstorableError(spell(path), 'an array with named properties')
}

function visitSpecial(value: object, kind: 'date' | 'map' | 'set' | 'bytes', walk: Walk, path: Path): void {
  if (kind === 'bytes') {
    grow(walk, bytesOf(value as ArrayBufferView).byteLength)
    return
  }
  refuseSymbols(value, path)
  if (Object.keys(value).length > 0)
    throw new UnstorableError(spell(path), `${describe(value)} with properties of its own`)
  grow(walk, 8)
  if (kind === 'date') return
  let i = 0
  for (const item of value as Iterable<unknown>) visit(item, walk, path, i++)
}

function refuseSymbols(value: object, path: Path): void {
  if (Object.getOwnPropertySymbols(value).length > 0)
    throw new UnstorableError(spell(path), 'an object with symbol properties')
}

function grow(walk: Walk, bytes: number): void {
  walk.size += bytes
  // What is counted here is at least what JSON takes, but for a factor: the exact size is checked on the encoded form.
  if (walk.size > walk.limit * 8) throw new TooLargeError(walk.limit)
}

/** `result.rows[3].amount`, cut in the middle when it is very deep. */
function spell(path: Path): string {
  const names: string[] = []
  for (let at: Path = path; at !== ''; at = at[0]) {
    const name = at[1]
    if (at[0] === '') names.push(`${name}`)
    else
      names.push(
        typeof name === 'number' ? `[${name}]` : /^[\w$]+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`,
      )
  }
  names.reverse()
  return names.length <= 20 ? names.join('') : `${names.slice(0, 10).join('')}…${names.slice(-5).join('')}`
}
