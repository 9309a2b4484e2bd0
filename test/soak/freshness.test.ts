import { beforeEach, describe, expect, it } from 'vitest'
import { Freshness, type Value } from './freshness.ts'

const loaded = (began: number, key = 'a'): Value => ({ key, version: '0-1', began, from: 'load', filler: '' })
const set = (version: string): Value => ({ key: 'a', version, began: 0, from: 'set', filler: '' })

describe('freshness', () => {
  let freshness: Freshness
  const rule = (oldest: number, value: Value) => freshness.fault('a', oldest, value)?.rule

  beforeEach(() => {
    freshness = new Freshness()
  })

  it('has nothing against anything before the first invalidation', () => {
    expect(rule(freshness.oldest('a'), loaded(1))).toBeUndefined()
  })

  it('finds a value whose load began before an invalidation that the call came after', () => {
    freshness.invalidated(['a', 'b'], 100)
    expect(freshness.fault('a', freshness.oldest('a'), loaded(99))).toEqual({
      rule: 'stale',
      text: 'a is 0-1 (load), from 0.000 ms before it was invalidated here',
    })
    expect(rule(freshness.oldest('a'), loaded(100))).toBeUndefined()
  })

  it('has nothing against it where the call was first', () => {
    const oldest = freshness.oldest('a')
    freshness.invalidated(['a'], 100)
    expect(rule(oldest, loaded(99))).toBeUndefined()
  })

  it('goes by the invalidation that was called last, whichever ended last', () => {
    freshness.invalidated(['a'], 200)
    freshness.invalidated(['a'], 100)
    expect(rule(freshness.oldest('a'), loaded(150))).toBe('stale')
  })

  it('takes a set for as new as it can be', () => {
    freshness.wasSet('0-1', 50)
    freshness.invalidated(['a'], 100)
    const oldest = freshness.oldest('a')
    expect(rule(oldest, set('0-1'))).toBe('stale')
    expect(rule(oldest, set('under way, or of another process'))).toBeUndefined()
  })

  it('finds what is not a value of the key', () => {
    expect(rule(freshness.oldest('a'), loaded(1, 'b'))).toBe('wrong value')
    expect(rule(freshness.oldest('a'), undefined as never)).toBe('wrong value')
  })

  it('remembers a bounded number of sets', () => {
    for (let i = 0; i < 20_000; i++) freshness.wasSet(`0-${i}`, i)
    freshness.invalidated(['a'], 1e9)
    const oldest = freshness.oldest('a')
    expect(rule(oldest, set('0-1'))).toBeUndefined()
    expect(rule(oldest, set('0-19999'))).toBe('stale')
  })
})
