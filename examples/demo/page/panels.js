import { draw } from './charts.js'
import { element, figure, formatMs, sourceLabel } from './elements.js'
import { panels } from './panel-list.js'

const shown = new Map()

/** Puts every panel in its place, empty. */
export function makePanels() {
  for (const panel of panels) {
    const from = element('span', { class: 'from' })
    const body = panel.chart ? chartBody(panel) : { content: element('dl', { class: 'figures' }) }
    const head = element('header', {}, element('h3', {}, panel.title), from)
    const node = element('article', { class: `panel ${panel.width}`, 'data-call': panel.call }, head, body.content)
    if (body.table) node.append(body.table)
    document.getElementById(panel.section).append(node)
    shown.set(panel.call, { panel, node, from, ...body })
  }
}

/** Shows one answer: what it says, how long it took and where it came from. */
export function showAnswer({ call, ms, from, value }) {
  const place = shown.get(call)
  place.from.replaceChildren(sourceLabel(from), ` ${formatMs(ms)} ms`)
  place.node.dataset.from = from
  if (place.panel.chart) showChart(place, value)
  else showFigures(place, value)
}

function chartBody({ title }) {
  const canvas = element('canvas', { role: 'img', 'aria-label': title })
  const rows = element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `${title}: figures` })
  const table = element('details', {}, element('summary', {}, 'Figures'), rows)
  return { content: element('div', { class: 'chart' }, canvas), canvas, rows, table }
}

function showChart({ panel, canvas, rows }, value) {
  const chart = panel.chart(value)
  draw(canvas, chart)
  canvas.setAttribute('aria-label', `${panel.title}: ${chart.labels.length} values, listed under Figures`)
  rows.replaceChildren(tableOf(chart))
}

/** What a chart shows, for those who cannot see it or want to know exactly. */
function tableOf({ labels, series }) {
  const head = [element('td'), ...series.map(({ label }) => element('th', { scope: 'col', class: 'number' }, label))]
  const body = labels.map((label, i) => {
    const cells = series.map(({ data }) => element('td', { class: 'number' }, data[i].toLocaleString('en-US')))
    return element('tr', {}, element('th', { scope: 'row' }, label), ...cells)
  })
  return element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...body))
}

/** A figure that has changed says what it was. */
function showFigures(place, value) {
  const before = place.figures ?? new Map()
  place.figures = new Map(place.panel.figures(value))
  const list = [...place.figures].map(([name, now]) => {
    const was = before.get(name)
    return figure(name, now, was !== undefined && was !== now ? `was ${was}` : '')
  })
  place.content.replaceChildren(...list)
}
