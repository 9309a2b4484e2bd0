import { showCache, showQueries } from './cache-view.js'
import { element } from './elements.js'
import { makePanels, showAnswer } from './panels.js'

const status = document.getElementById('status')
const form = document.getElementById('delay')
const last = { answers: [], cache: undefined }

makePanels()
document.getElementById('reload').addEventListener('click', () => during('Loading', load))
document.getElementById('empty').addEventListener('click', () => during('Emptying the cache', empty))
form.addEventListener('submit', (event) => {
  event.preventDefault()
  during('Recording', record)
})
// The colours of charts are not CSS: they have to be drawn again.
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const answer of last.answers) showAnswer(answer)
  if (last.cache) showCache(last.cache)
})
await during('Loading', load)

/** One thing at a time, so that each load is either before or after a write. */
async function during(name, action) {
  const buttons = [...document.querySelectorAll('button')]
  const { activeElement } = document
  status.textContent = `${name} …`
  document.body.setAttribute('aria-busy', 'true')
  for (const button of buttons) button.disabled = true
  try {
    status.textContent = await action()
  } catch (error) {
    status.textContent = `${name} failed: ${error.message}`
  } finally {
    for (const button of buttons) button.disabled = false
    document.body.removeAttribute('aria-busy')
    // A button that is disabled loses the focus, and whoever uses the keyboard their place.
    activeElement?.focus({ preventScroll: true })
  }
}

async function load() {
  last.answers = []
  for await (const answer of lines(await ask('api/answers'))) {
    last.answers.push(answer)
    showAnswer(answer)
    showQueries(last.answers)
    if (answer.call === 'busiestOrigins(10)') offerOrigins(answer.value)
  }
  last.cache = await (await ask('api/cache')).json()
  showCache(last.cache)
  const ran = last.answers.filter(({ from }) => from === 'function').length
  return `${last.answers.length} answers, ${ran} of them from the function.`
}

async function empty() {
  const { removed } = await (await ask('api/answers', { method: 'DELETE' })).json()
  return `${removed} cached answers removed. Load again to see a cold page.`
}

async function record() {
  const { origin, day, minutes } = Object.fromEntries(new FormData(form))
  const body = JSON.stringify({ origin, day, minutes: Number(minutes) })
  const headers = { 'content-type': 'application/json' }
  const { flights, removed, deferred } = await (await ask('api/delays', { method: 'POST', headers, body })).json()
  const effect = deferred ? 'the invalidation is kept for when Redis is back' : `${removed} cached answers removed`
  return `${flights} flights of ${origin} are ${minutes} minutes later now; ${effect}. Then: ${await load()}`
}

async function ask(path, options) {
  const response = await fetch(path, options)
  if (response.ok) return response
  const { message } = await response.json().catch(() => ({ message: `status ${response.status}` }))
  throw new Error(message)
}

/** Each line of a response, parsed, as soon as it has come. */
async function* lines(response) {
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    const complete = (rest + decoder.decode(value, { stream: !done })).split('\n')
    rest = complete.pop()
    for (const line of complete) yield JSON.parse(line)
    if (done) return
  }
}

function offerOrigins(origins) {
  const select = form.elements.origin
  const chosen = select.value
  const options = origins.map(({ origin, city }) => element('option', { value: origin }, `${origin} ${city}`))
  select.replaceChildren(...options)
  select.value = chosen
}
