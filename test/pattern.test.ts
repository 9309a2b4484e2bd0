import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPattern, literalPattern, matches, spelledPattern } from '../src/glob.ts'
import { encodePart, spelledKey } from '../src/key.ts'
import { pattern } from '../src/pattern.ts'
import { hostileString, plainData } from './plain-data.ts'

/** Redis' `stringmatchlen`, as it stands there, for texts that are not empty. */
function reference(glob: string, text: string): boolean {
  let g = 0
  let t = 0
  while (g < glob.length && t < text.length) {
    switch (glob[g]) {
      case '*':
        while (glob[g + 1] === '*') g++
        if (g === glob.length - 1) return true
        for (; t < text.length; t++) if (reference(glob.slice(g + 1), text.slice(t))) return true
        return false
      case '?':
        t++
        break
      case '[': {
        g++
        const negated = glob[g] === '^'
        if (negated) g++
        let found = false
        for (;;) {
          if (glob.length - g >= 2 && glob[g] === '\\') {
            g++
            if (glob[g] === text[t]) found = true
          } else if (glob[g] === ']') break
          else if (g >= glob.length) {
            g--
            break
          } else if (glob.length - g >= 3 && glob[g + 1] === '-') {
            let [start, end] = [glob.charCodeAt(g), glob.charCodeAt(g + 2)]
            if (start > end) [start, end] = [end, start]
            g += 2
            if (text.charCodeAt(t) >= start && text.charCodeAt(t) <= end) found = true
          } else if (glob[g] === text[t]) found = true
          g++
        }
        if (found === negated) return false
        t++
        break
      }
      default:
        if (glob[g] === '\\' && glob.length - g >= 2) g++
        if (glob[g] !== text[t]) return false
        t++
    }
    g++
    if (t >= text.length) {
      while (glob[g] === '*') g++
      break
    }
  }
  return g >= glob.length && t >= text.length
}

describe('matches', () => {
  const globs = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '-', '*', '?', '[', ']', '^', '\\'), maxLength: 10 })
  const texts = fc.string({
    unit: fc.constantFrom('a', 'b', 'c', '-', ']', '^', '\\', '*'),
    minLength: 1,
    maxLength: 8,
  })

  test('agrees with Redis', () => {
    fc.assert(
      fc.property(globs, texts, (glob, text) => matches(glob, text) === reference(glob, text)),
      { numRuns: 50_000 },
    )
  })

  test('agrees with Redis where a match is likely', () => {
    const piece = fc.constantFrom(
      '*',
      '?',
      'a',
      '[a-c]',
      '[^a]',
      '[c-a]',
      '\\a',
      '[\\]]',
      '[a\\-c]',
      'b',
      '**',
      '[a',
      '[^',
    )
    const likely = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''))
    let matched = 0
    fc.assert(
      fc.property(likely, texts, (glob, text) => {
        if (reference(glob, text)) matched++
        return matches(glob, text) === reference(glob, text)
      }),
      { numRuns: 30_000 },
    )
    expect(matched).toBeGreaterThan(1_000)
  })

  test.each([
    ['user:*', 'user:', true],
    ['user:*', 'user', false],
    ['*:x', 'a:b:x', true],
    ['h[^e]llo', 'hallo', true],
    ['h[^e]llo', 'hello', false],
    ['h\\[llo', 'h[llo', true],
    ['a\\', 'a\\', true],
    ['[a-', '-', true],
  ])('%s on %s: %s', (glob, text, expected) => {
    expect(matches(glob, text)).toBe(expected)
    expect(reference(glob, text)).toBe(expected)
  })

  test('takes little time for patterns made to take long', () => {
    const began = performance.now()
    expect(matches(`${'a*'.repeat(40)}b`, 'a'.repeat(2_000))).toBe(false)
    expect(matches(`${'*a'.repeat(40)}*b`, 'a'.repeat(2_000))).toBe(false)
    expect(matches(`${'*[a-z]?'.repeat(30)}b`, 'a'.repeat(2_000))).toBe(false)
    expect(performance.now() - began).toBeLessThan(1_000)
  })
})

describe('the pattern tag', () => {
  test('spells data as keys do, and leaves the rest a pattern', () => {
    expect(pattern`user:${'a*'}:*`).toBe('user:a%2A:*')
    expect(pattern`user:*`).toBe('user:*')
    expect(pattern`${1}:${'1'}`).toBe("1:'1")
    expect(isPattern(pattern`user:${'a*?[b]\\'}:x`)).toBe(false)
  })

  test('matches exactly the keys of the same data', () => {
    fc.assert(
      fc.property(plainData, plainData, hostileString, (data, other, rest) => {
        const glob = spelledPattern(pattern`user:${data}:*`)
        const [own, others] = [encodePart(data, ''), encodePart(other, '')]
        expect(matches(glob, `user:${own}:${encodePart(rest, '')}`)).toBe(true)
        expect(matches(glob, `user:${others}:${encodePart(rest, '')}`)).toBe(own === others)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('spelling', () => {
  test('a pattern without globs matches the key that is spelled the same', () => {
    fc.assert(
      fc.property(hostileString, (text) => {
        if (/[*?[\]\\^]/.test(text)) return
        expect(matches(`${spelledPattern(text)}*`, spelledKey(text))).toBe(true)
        expect(spelledPattern(text)).toBe(spelledKey(text))
      }),
      { numRuns: 2_000 },
    )
  })

  test('braces, spaces and letters beyond ASCII are escaped as in keys', () => {
    expect(spelledPattern('user:{a} é*')).toBe('user:%7Ba%7D%20%C3%A9*')
  })

  test('a literal matches itself alone', () => {
    fc.assert(
      fc.property(hostileString, hostileString, (text, other) => {
        if (text !== '') expect(matches(literalPattern(text), text)).toBe(true)
        if (other !== text) expect(matches(literalPattern(text), other)).toBe(false)
      }),
      { numRuns: 2_000 },
    )
  })
})
