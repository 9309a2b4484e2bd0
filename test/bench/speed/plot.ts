/** A line of a plot: points from left to right. */
export interface Curve {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

export interface Axis {
  /** With its unit. */
  readonly label: string
  readonly scale: 'linear' | 'log'
}

export interface Plot {
  /** Its name below docs. */
  readonly file: string
  readonly title: string
  readonly axes: { readonly x: Axis; readonly y: Axis }
  readonly curves: readonly Curve[]
}

const WIDTH = 720
const HEIGHT = 380
const FRAME = { left: 84, right: 48, top: 76, bottom: 60 } as const
const MARKERS = [
  (x: number, y: number) => `<circle cx="${x}" cy="${y}" r="4.5"/>`,
  (x: number, y: number) => `<rect x="${round(x - 4.5)}" y="${round(y - 4.5)}" width="9" height="9"/>`,
]
const DASHES = ['', ' stroke-dasharray="7 4"']

/** On a ground of its own, which follows the reader's scheme: it is readable wherever it is shown. */
const STYLE = `
  text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 }
  .ground { fill: #ffffff } .grid { stroke: #d0d7de } .axis { stroke: #57606a }
  .c0 { stroke: #0969da; fill: #0969da } .c1 { stroke: #bc4c00; fill: #bc4c00 }
  .line { fill: none; stroke-width: 2.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .ground { fill: #0d1117 } .grid { stroke: #30363d } .axis { stroke: #8b949e }
    .c0 { stroke: #58a6ff; fill: #58a6ff } .c1 { stroke: #f0883e; fill: #f0883e } .line { fill: none }
  }`

/** As SVG. The vertical axis begins at zero, so that heights can be compared. */
export function svgOf({ title, axes, curves }: Plot): string {
  if (curves.length > MARKERS.length) throw new Error(`a plot has at most ${MARKERS.length} curves`)
  const xs = curves.flatMap(({ points }) => points.map(([x]) => x))
  const ys = curves.flatMap(({ points }) => points.map(([, y]) => y))
  const yTicks = ticksUpTo(Math.max(...ys))
  const along = (scale: Axis['scale'], value: number) => (scale === 'log' ? Math.log10(value) : value)
  const [xMin, xMax] = [Math.min(...xs), Math.max(...xs)].map((x) => along(axes.x.scale, x)) as [number, number]
  const inner = { width: WIDTH - FRAME.left - FRAME.right, height: HEIGHT - FRAME.top - FRAME.bottom }
  const bottom = HEIGHT - FRAME.bottom
  const px = (x: number) => round(FRAME.left + ((along(axes.x.scale, x) - xMin) / (xMax - xMin)) * inner.width)
  const py = (y: number) => round(bottom - (y / (yTicks.at(-1) as number)) * inner.height)
  const right = WIDTH - FRAME.right
  const xTicks = [...new Set(xs)].toSorted((a, b) => a - b)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    `<title>${escaped(title)}</title><desc>${escaped(described(curves))}</desc>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="ground" width="${WIDTH}" height="${HEIGHT}"/>`,
    `<text class="title" x="${FRAME.left}" y="26">${escaped(title)}</text>`,
    ...curves.flatMap(({ name }, i) => legend(name, i)),
    ...yTicks.flatMap((y) => [
      `<line class="${y === 0 ? 'axis' : 'grid'}" x1="${FRAME.left}" y1="${py(y)}" x2="${right}" y2="${py(y)}"/>`,
      `<text x="${FRAME.left - 8}" y="${round(py(y) + 4.5)}" text-anchor="end">${short(y)}</text>`,
    ]),
    ...xTicks.flatMap((x) => [
      `<line class="axis" x1="${px(x)}" y1="${bottom}" x2="${px(x)}" y2="${bottom + 5}"/>`,
      `<text x="${px(x)}" y="${bottom + 22}" text-anchor="middle">${x.toLocaleString('en')}</text>`,
    ]),
    `<text x="${FRAME.left + inner.width / 2}" y="${HEIGHT - 14}" text-anchor="middle">${labelOf(axes.x)}</text>`,
    `<text transform="translate(20 ${FRAME.top + inner.height / 2}) rotate(-90)" text-anchor="middle">${labelOf(axes.y)}</text>`,
    ...curves.flatMap(({ points }, i) => {
      const at = points.map(([x, y]) => [px(x), py(y)] as const)
      const path = at.map((point) => point.join(',')).join(' ')
      return [
        `<polyline class="c${i} line"${DASHES[i]} points="${path}"/>`,
        `<g class="c${i}">${at.map(([x, y]) => MARKERS[i]?.(x, y)).join('')}</g>`,
      ]
    }),
    '</svg>\n',
  ].join('\n')
}

function legend(name: string, i: number): string[] {
  const x = FRAME.left + i * 150
  return [
    `<line class="c${i} line"${DASHES[i]} x1="${x}" y1="48" x2="${x + 36}" y2="48"/>`,
    `<g class="c${i}">${MARKERS[i]?.(x + 18, 48)}</g>`,
    `<text x="${x + 44}" y="52.5">${escaped(name)}</text>`,
  ]
}

const labelOf = ({ label, scale }: Axis): string => escaped(scale === 'log' ? `${label} (logarithmic)` : label)

/** For those who cannot see it. */
const described = (curves: readonly Curve[]): string =>
  curves.map(({ name, points }) => `${name}: ${points.map(([x, y]) => `${x}: ${short(y)}`).join(', ')}`).join('; ')

/** Four to eight round steps from zero. */
export function ticksUpTo(most: number): number[] {
  const size = 10 ** Math.floor(Math.log10(most))
  const step = [0.2, 0.5, 1, 2].map((times) => times * size).find((one) => most / one <= 7) ?? 2 * size
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step)
}

function short(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toFixed(2))} M`
  return value >= 1e3 ? `${Number((value / 1e3).toFixed(1))} k` : `${Number(value.toFixed(1))}`
}

const round = (value: number): number => Math.round(value * 10) / 10

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
