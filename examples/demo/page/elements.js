/** Makes an element. Attributes that are undefined are left out; children may be strings, and are never read as HTML. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value)
  made.append(...children)
  return made
}

/** A word and its figure, for a `dl`. */
export function figure(name, value, note = '') {
  return element('div', {}, element('dt', {}, name), element('dd', {}, value, element('small', {}, note)))
}

/** Where an answer came from, as a coloured word. */
export function sourceLabel(from) {
  return element('span', { class: 'source', 'data-from': from }, from)
}

export function formatMs(ms) {
  return ms.toLocaleString('en-US', ms < 10 ? { maximumFractionDigits: 2 } : { maximumFractionDigits: 0 })
}

export function formatCount(count) {
  return count.toLocaleString('en-US')
}

export function formatPercent(share) {
  return `${(100 * share).toFixed(1)} %`
}
