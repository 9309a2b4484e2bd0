import { expect, test } from 'vitest'
import { holds } from '../src/by-owner.ts'
import { originals, wrapperFor } from '../src/wrap.ts'

test('a wrapper holds what it wraps, at any depth', () => {
  const original = async () => {}
  const inner = wrapperFor(original, () => {})
  const outer = wrapperFor(inner, () => {})
  const isIn = (some: unknown, other: Function) => holds(some, other, originals)
  expect([isIn(outer, outer), isIn(outer, inner), isIn(outer, original)]).toEqual([true, true, true])
  expect([isIn(inner, outer), isIn(original, inner), isIn(undefined, inner)]).toEqual([false, false, false])
})
