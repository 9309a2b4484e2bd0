// Chart.js comes as a classic script, and so as a global.
const { Chart } = globalThis

const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact' })

Chart.defaults.animation = false
Chart.defaults.maintainAspectRatio = false
Chart.defaults.interaction = { mode: 'index', intersect: false }
Chart.defaults.font.family = getComputedStyle(document.body).fontFamily
Chart.defaults.plugins.legend.labels.boxWidth = 10
Chart.defaults.plugins.legend.labels.boxHeight = 10

/** One of the colours of style.css, as it is in the light or the dark scheme. */
export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

/**
 * Draws on a canvas, or redraws it.
 *
 * A chart has `labels`, one or more `series` (`label`, `data`, `color`, `as`: 'bar' or 'line', and `right` for those on the
 * second axis), names for its axes (`bottom`, `left`, `right`), and may be `stacked`, or `lying`: bars from left to right.
 */
export function draw(canvas, chart) {
  const { labels, series } = chart
  const datasets = series.map((one) => dataset(one, chart))
  const drawn = Chart.getChart(canvas)
  if (drawn) {
    drawn.data = { labels, datasets }
    drawn.options = options(chart)
    drawn.update()
  } else new Chart(canvas, { type: 'bar', data: { labels, datasets }, options: options(chart) })
}

function dataset({ label, data, color: name, as = 'bar', right }, { lying, stacked }) {
  const shade = color(name)
  return {
    ...{ label, data, type: as, order: as === 'line' ? 0 : 1, [lying ? 'xAxisID' : 'yAxisID']: axisOf(lying, right) },
    ...{ backgroundColor: shade, borderColor: shade, borderWidth: as === 'line' ? 2 : 0, maxBarThickness: 36 },
    ...{ pointRadius: 0, pointHitRadius: 8, tension: 0.2, minBarLength: stacked ? 0 : 1 },
    ...(stacked ? { stack: 'all' } : {}),
  }
}

function axisOf(lying, right) {
  if (lying) return 'x'
  return right ? 'right' : 'y'
}

function options({ series, bottom, left, right, lying, stacked, ticks = 12 }) {
  const texts = { color: color('quiet') }
  const grid = { color: color('line'), drawTicks: false }
  const border = { display: false }
  const title = (text) => ({ display: Boolean(text), text, ...texts })
  const many = { ...texts, maxRotation: 0, autoSkip: !lying, maxTicksLimit: lying ? undefined : ticks }
  const amounts = { ...texts, maxTicksLimit: 6, callback: (value) => COMPACT.format(value) }
  const names = { stacked, border, grid: { display: false }, ticks: many, title: title(lying ? left : bottom) }
  const values = { stacked, border, grid, ticks: amounts, title: title(lying ? bottom : left) }
  const second = { position: 'right', border, grid: { display: false }, ticks: amounts }
  return {
    indexAxis: lying ? 'y' : 'x',
    scales: {
      x: lying ? values : names,
      y: lying ? names : values,
      ...(right ? { right: { ...second, beginAtZero: true, title: title(right) } } : {}),
    },
    plugins: { legend: { display: series.length > 1, align: 'start', labels: texts } },
  }
}
