import { makeBytes, setOwn } from './isolation.ts'
import { bytesOf, bytesType, kindOf } from './kind.ts'

/*
 * Plain JSON where JSON can say it all. Where it cannot, `[data, table]`: `data` is JSON with stand-ins, and each row
 * of `table` is `[what, ...path]`, children before the parents that hold them. Decoding walks own properties only and
 * never evaluates or revives anything with a prototype other than the built-ins below.
 */
type What = 'date' | 'map' | 'set' | 'bigint' | 'undefined' | 'number' | 'bytes' | 'null-object' | 'hole'
type Row = readonly [What, ...(string | number)[]]

/** JSON with a side table, for a value in which `inspect` has found something special. */
export function encodeSpecial(value: unknown): string {
  const table: Row[] = []
  const data = standIn(value, [], table)
  return JSON.stringify([data, table])
}

/** @throws when the text is not what {@link encodeSpecial} writes */
export function decodeSpecial(text: string): unknown {
  const [data, table] = JSON.parse(text) as [unknown, Row[]]
  const root = { value: data }
  for (const [what, ...path] of table) revive(root, what, ['value', ...path])
  return root.value
}

function standIn(value: unknown, path: (string | number)[], table: Row[]): unknown {
  switch (typeof value) {
    case 'bigint':
      table.push(['bigint', ...path])
      return `${value}`
    case 'undefined':
      table.push(['undefined', ...path])
      return null
    case 'number':
      if (Number.isFinite(value) && !Object.is(value, -0)) return value
      table.push(['number', ...path])
      return Object.is(value, -0) ? '-0' : `${value}`
    case 'object':
      return value === null ? null : standInObject(value, path, table)
    default:
      return value
  }
}

function standInObject(value: object, path: (string | number)[], table: Row[]): unknown {
  const inner = (item: unknown, ...steps: (string | number)[]) => standIn(item, [...path, ...steps], table)
  const kind = kindOf(value)
  switch (kind) {
    case 'array': {
      const array = value as unknown[]
      return Array.from(array, (item, i) => {
        if (item !== undefined || Object.hasOwn(array, i)) return inner(item, i)
        table.push(['hole', ...path, i])
        return null
      })
    }
    case 'object':
    case 'null-object': {
      const record: Record<string, unknown> = {}
      for (const [name, item] of Object.entries(value)) setOwn(record, name, inner(item, name))
      if (kind === 'null-object') table.push([kind, ...path])
      return record
    }
    case 'date': {
      table.push([kind, ...path])
      return (value as Date).getTime()
    }
    case 'map': {
      const entries = Array.from(value as Map<unknown, unknown>, ([key, item], i) => [
        inner(key, i, 0),
        inner(item, i, 1),
      ])
      table.push([kind, ...path])
      return entries
    }
    case 'set': {
      const items = Array.from(value as Set<unknown>, (item, i) => inner(item, i))
      table.push([kind, ...path])
      return items
    }
    default: {
      table.push(['bytes', ...path])
      const bytes = bytesOf(value as ArrayBufferView)
      return [bytesType(value), Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')]
    }
  }
}

function revive(root: object, what: What, path: (string | number)[]): void {
  let parent = root as Record<string | number, unknown>
  const last = path[path.length - 1] as string | number
  for (const step of path.slice(0, -1)) parent = own(parent, step) as Record<string | number, unknown>
  const data = own(parent, last)
  if (what === 'hole') delete parent[last]
  else if (!Object.hasOwn(REVIVERS, what)) throw new Error('no such type')
  else parent[last] = REVIVERS[what](data as never)
}

function own(parent: Record<string | number, unknown>, step: string | number): unknown {
  if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, step)) throw new Error('no such path')
  return parent[step]
}

const REVIVERS: Record<Exclude<What, 'hole'>, (data: never) => unknown> = {
  date: (time: number | null) => new Date(time ?? Number.NaN),
  map: (entries: [unknown, unknown][]) => new Map(entries),
  set: (items: unknown[]) => new Set(items),
  bigint: (digits: string) => BigInt(digits),
  undefined: () => undefined,
  number: (name: string) => Number(name),
  bytes: ([type, base64]: [string, string]) => makeBytes(type, new Uint8Array(Buffer.from(base64, 'base64'))),
  'null-object': (record: object) => Object.setPrototypeOf(record, null),
}
