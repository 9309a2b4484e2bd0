import { PAYLOAD } from '../payload.ts'
import type { ValueKind } from './settings.ts'

const NOTE = 'Stored as JSON this value takes 787 bytes, '.padEnd(
  152,
  'about as much as one row of an answer of a service, ',
)
const RECORD = JSON.stringify({ note: NOTE, payload: PAYLOAD })
const LARGE = JSON.stringify({ note: NOTE, items: Array.from({ length: 490 }, () => PAYLOAD) })
const ONE = { id: -1, ...JSON.parse(RECORD) }

export type MadeValue = { readonly id: number }

/** What the cached function returns: each time a new object, unless all are to be one. */
export function makeValue(kind: ValueKind, id: number): MadeValue {
  switch (kind) {
    case 'record':
      return { id, ...JSON.parse(RECORD) }
    case 'large':
      return { id, ...JSON.parse(LARGE) }
    case 'small':
      return { id, name: `item ${id}` } as MadeValue
    case 'one':
      return ONE
  }
}
