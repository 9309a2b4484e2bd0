import { draw } from './charts.js'
import { element, figure, formatCount, formatMs, formatPercent, sourceLabel } from './elements.js'

const SOURCES = ['function', 'redis', 'near', 'memory']

/** Where answers are kept, hits and misses, and the last loads of the page. */
export function showCache({ store, hits, misses, loads }) {
  document.getElementById('store').replaceChildren(store.name, element('small', {}, store.hint))
  const asked = hits + misses
  const { recent, cold, warm } = loads
  document
    .getElementById('counts')
    .replaceChildren(
      figure('Hits', formatCount(hits), asked ? `${formatPercent(hits / asked)} of ${formatCount(asked)}` : ''),
      figure('Misses', formatCount(misses), 'the function ran'),
      lastLoad('Last cold load', cold, cold && `load ${cold.number}`),
      lastLoad('Last warm load', warm, cold && warm && `${formatCount(Math.round(cold.ms / warm.ms))} times as fast`),
    )
  showLoads(recent)
}

/** The queries of one load, as far as they have been answered. */
export function showQueries(answers) {
  const table = document.getElementById('queries')
  const rows = answers.map(({ call, ms, from }) => row(call, formatMs(ms), sourceLabel(from)))
  table.tBodies[0].replaceChildren(...rows)
  const total = answers.reduce((sum, { ms }) => sum + ms, 0)
  table.tFoot.replaceChildren(row(`${answers.length} queries`, formatMs(total), ''))
}

function row(name, ms, from) {
  const cells = [element('td', { class: 'number' }, ms), element('td', {}, from)]
  return element('tr', {}, element('th', { scope: 'row' }, name), ...cells)
}

function lastLoad(name, load, note = '') {
  return load ? figure(name, `${formatMs(load.ms)} ms`, note) : figure(name, '–')
}

/** As many of the last ones as there is room for. */
function showLoads(recent) {
  const canvas = document.getElementById('loads')
  const loads = recent.slice(-Math.floor(canvas.parentElement.clientWidth / 62))
  const used = SOURCES.filter((from) => loads.some(({ sources }) => sources[from]))
  draw(canvas, {
    labels: loads.map((load) => [`${load.number}`, `${formatMs(load.ms)} ms`, nameOf(load)]),
    stacked: true,
    left: 'ms',
    series: used.map((from) => ({
      ...{ label: from, color: from },
      data: loads.map(({ sources }) => sources[from]?.ms ?? 0),
    })),
  })
  const said = loads.map((load) => `load ${load.number}, ${nameOf(load)}: ${formatMs(load.ms)} ms`)
  canvas.setAttribute('aria-label', `Loads of this page: ${said.join('; ')}`)
}

function nameOf({ sources: { function: ran, ...kept } }) {
  if (!ran) return 'warm'
  return Object.keys(kept).length > 0 ? `${ran.answers} again` : 'cold'
}
