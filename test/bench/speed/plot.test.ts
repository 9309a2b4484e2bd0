import { expect, test } from 'vitest'
import { type Plot, svgOf, ticksUpTo } from './plot.ts'

const plot: Plot = {
  file: 'plot.svg',
  title: 'Hits & misses',
  axes: { x: { label: 'keys', scale: 'log' }, y: { label: 'hits per second', scale: 'linear' } },
  curves: [
    {
      name: 'one',
      points: [
        [1e3, 100_000],
        [1e4, 80_000],
        [1e6, 0],
      ],
    },
    {
      name: 'two',
      points: [
        [1e3, 50_000],
        [1e4, 20_000],
        [1e6, 10_000],
      ],
    },
  ],
}

test('puts every point where it belongs', () => {
  const lines = [...svgOf(plot).matchAll(/<polyline [^>]*points="([^"]+)"/g)].map(([, points]) =>
    points?.split(' ').map((point) => point.split(',').map(Number)),
  )
  // On a logarithmic axis the middle of 10^3 and 10^6 is 10^4.5; the vertical one begins at zero, below.
  expect(lines).toEqual([
    [
      [84, 76],
      [280, 124.8],
      [672, 320],
    ],
    [
      [84, 198],
      [280, 271.2],
      [672, 295.6],
    ],
  ])
})

test('names its axes, with units, and its curves', () => {
  const texts = [...svgOf(plot).matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text)
  expect(texts).toEqual(
    expect.arrayContaining([
      'Hits &amp; misses',
      'keys (logarithmic)',
      'hits per second',
      'one',
      'two',
      '1,000',
      '100 k',
    ]),
  )
})

test.each([
  [95, [0, 20, 40, 60, 80, 100]],
  [100_000, [0, 20_000, 40_000, 60_000, 80_000, 100_000]],
  [2.1, [0, 0.5, 1, 1.5, 2, 2.5]],
])('has round steps up to %d', (most, ticks) => {
  expect(ticksUpTo(most)).toEqual(ticks)
})
