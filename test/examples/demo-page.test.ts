import { request } from 'node:http'
import { type Browser, chromium, type Locator, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Child, runChild } from '../support/child.ts'
import { describeChromium } from '../support/chromium-available.ts'
import { findChromiumBinary } from '../support/chromium-binary.ts'
import { until } from '../support/until.ts'

/** What a delay out of Atlanta changes. All other answers have to stay cached. */
const CHANGED = ["originSummary('ATL')", 'busiestOrigins(10)', 'busiestPairs(10)', 'delaysByDay()', 'weeklyTrend()']
const QUERIES = 14
const CHARTS = 12

let demo: Child
let url: string

beforeAll(async () => {
  demo = runChild('examples/demo/main.ts', { args: ['--port=0'], timeoutMs: 180_000 })
  const wait = { label: 'the page to be served', timeoutMs: 60_000, everyMs: 50 }
  const served = await until(() => /http:\/\/127\.0\.0\.1:\d+\//.exec(demo.stdout), wait)
  url = served?.[0] ?? ''
}, 70_000)

afterAll(async () => {
  demo.kill('SIGTERM')
  const { code, stderr } = await demo.done
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})

describe('the server of the page', () => {
  test('tells the answers of loads at the same time apart', async () => {
    await emptyCache()
    const loads = await Promise.all([answers(), answers(), answers()])

    for (const load of loads) expect(load.map(({ call }) => call)).toEqual(loads[0]?.map(({ call }) => call))
    const sources = loads.map((load) => load.map(({ from }) => from))
    for (const load of sources) expect(load).toHaveLength(QUERIES)
    expect([...new Set(sources.flat())].filter((from) => from !== 'function' && from !== 'memory')).toEqual([])
    expect((await answers()).map(({ from }) => from)).toEqual(Array(QUERIES).fill('memory'))
  })

  test.each([
    ['a day that is none', { origin: 'ATL', day: '2001-02-30', minutes: 60 }],
    ['a day without data', { origin: 'ATL', day: '2001-04-01', minutes: 60 }],
    ['no airport', { origin: ['ATL'], day: '2001-02-12', minutes: 60 }],
    ['no number', { origin: 'ATL', day: '2001-02-12', minutes: '60' }],
    ['nothing', null],
  ])('refuses a delay with %s', async (_, delay) => {
    const headers = { 'content-type': 'application/json' }
    const { status } = await fetch(`${url}api/delays`, { method: 'POST', headers, body: JSON.stringify(delay) })
    expect(status).toBe(400)
  })

  test('refuses what another site can have a browser send', async () => {
    const form = new URLSearchParams({ origin: 'ATL', day: '2001-02-12', minutes: '60' })
    expect((await fetch(`${url}api/delays`, { method: 'POST', body: form })).status).toBe(400)
    expect(await statusFor('rebound.example')).toBe(403)
    expect(await statusFor(new URL(url).host)).toBe(200)
  })

  test('serves the files of the page and no others', async () => {
    for (const path of ['page-server.ts', 'page/main.js', '%2e%2e/main.ts', 'favicon.ico']) {
      expect((await fetch(`${url}${path}`)).status).toBe(404)
    }
  })
})

describeChromium('the page in a browser', () => {
  let browser: Browser

  beforeAll(async () => {
    // Chromium's sandbox does not work for root, as whom containers run; nothing but our own page is opened.
    browser = await chromium.launch({ executablePath: findChromiumBinary(), args: ['--no-sandbox'] })
  })
  afterAll(() => browser.close())

  test('is cold at first and warm when it is loaded again', async () => {
    await emptyCache()
    await using view = await open(browser)
    const { page } = view
    expect(await sources(page)).toEqual(Array(QUERIES).fill('function'))
    await expectLabelsOfPanelsAsInTable(page)
    const cold = await counts(page)

    await act(page, 'Load again')

    expect(await sources(page)).toEqual(Array(QUERIES).fill('memory'))
    await expectLabelsOfPanelsAsInTable(page)
    const warm = await counts(page)
    expect(warm).toMatchObject({ hits: cold.hits + QUERIES, misses: cold.misses })
    expect(warm.coldMs).toBe(cold.coldMs)
    expect(warm.warmMs).toBeLessThan(warm.coldMs)
    expect(await page.locator('#loads').getAttribute('aria-label')).toMatch(
      /load \d+, cold: [\d,.]+ ms; load \d+, warm: [\d,.]+ ms$/,
    )

    await page.reload()
    await loaded(page)
    expect(await sources(page)).toEqual(Array(QUERIES).fill('memory'))
    await act(page, 'Empty the cache', /14 cached answers removed/)
    await act(page, 'Load again')
    expect(await sources(page)).toEqual(Array(QUERIES).fill('function'))
  })

  test('draws every chart, in light and in dark', async () => {
    await using view = await open(browser)
    const { page } = view
    await expectDrawn(page)
    const light = await background(page)
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(Math.max(...(await background(page)))).toBeLessThan(64)
    expect(Math.min(...light)).toBeGreaterThan(192)
    await expectDrawn(page)
    expect(await page.locator('#store').textContent()).toContain('memory of this process')
  })

  test('a recorded delay changes the figures it affects, and only these are asked for again', async () => {
    await using view = await open(browser)
    const { page } = view
    const before = { atlanta: await meanDelay(page, 'ATL'), chicago: await meanDelay(page, 'ORD') }
    const day = await figuresRow(page, 'delaysByDay()', 'Feb 12')
    const otherDay = await figuresRow(page, 'delaysByDay()', 'Feb 13')

    await act(page, 'Record a delay', /16 flights of ATL are 60 minutes later now; 5 cached answers removed/)

    const [calls, from] = [await queries(page), await sources(page)]
    expect(calls.filter((_, i) => from[i] === 'function').sort()).toEqual([...CHANGED].sort())
    expect(from.filter((one) => one === 'memory')).toHaveLength(QUERIES - CHANGED.length)
    await expectLabelsOfPanelsAsInTable(page)
    // 16 of 846 flights, an hour each.
    expect((await meanDelay(page, 'ATL')).minutes - before.atlanta.minutes).toBeCloseTo(1.1, 0)
    expect((await meanDelay(page, 'ATL')).text).toContain(`was ${before.atlanta.minutes.toFixed(1)} min`)
    expect(await meanDelay(page, 'ORD')).toEqual(before.chicago)
    expect(await figuresRow(page, 'delaysByDay()', 'Feb 12')).toBeGreaterThan(day)
    expect(await figuresRow(page, 'delaysByDay()', 'Feb 13')).toBe(otherDay)

    await act(page, 'Load again')
    expect(await sources(page)).toEqual(Array(QUERIES).fill('memory'))
  })

  test('fits a phone', async () => {
    await using view = await open(browser, { width: 390, height: 844 })
    const { page } = view
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    for (const control of await page.locator('button, input, select, canvas').all()) {
      const box = await control.boundingBox()
      expect(box?.x).toBeGreaterThanOrEqual(0)
      expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(390)
      expect(box?.height).toBeGreaterThanOrEqual(32)
    }
    await expectDrawn(page)
  })

  test('can be used with the keyboard alone, and every part has a name', async () => {
    await using view = await open(browser)
    const { page } = view
    const names = ['Load again', 'Empty the cache', 'Flights out of', 'Day', 'Minutes late', 'Record a delay']
    const controls = names.map((name) => named(page, name))
    for (const control of controls) {
      await tabTo(page, control)
      expect(await control.evaluate((element: any) => element.matches(':focus-visible'))).toBe(true)
    }
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid')

    await page.keyboard.press('Enter')
    await status(page, /later now/)
    // Buttons are disabled meanwhile: the focus has to come back.
    expect(await focused(named(page, 'Record a delay'))).toBe(true)
    for (const canvas of await page.locator('canvas').all()) {
      expect(await canvas.getAttribute('aria-label')).toMatch(/\w+: .*\d/)
    }
    await page.locator('summary').first().press('Enter')
    expect(await page.getByRole('rowheader', { name: 'Feb 12' }).first().isVisible()).toBe(true)
  })
})

async function emptyCache(): Promise<void> {
  expect((await fetch(`${url}api/answers`, { method: 'DELETE' })).status).toBe(200)
}

async function answers(): Promise<{ call: string; from: string }[]> {
  const text = await (await fetch(`${url}api/answers`)).text()
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** As a browser that was told the server's address for another name. */
function statusFor(host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(`${url}api/cache`, { headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
}

/** A tab of its own. When it is closed, nothing must have gone wrong in it, and nobody else been asked for anything. */
async function open(browser: Browser, viewport = { width: 1280, height: 900 }) {
  const context = await browser.newContext({ viewport, colorScheme: 'light' })
  const page = await context.newPage()
  const wrong: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) wrong.push(message.text())
  })
  page.on('pageerror', (error) => wrong.push(error.message))
  page.on('requestfailed', (failed) => wrong.push(`${failed.url()}: ${failed.failure()?.errorText}`))
  page.on('request', (made) => {
    if (!made.url().startsWith(url)) wrong.push(`asked for ${made.url()}`)
  })
  await page.goto(url)
  await loaded(page)
  return {
    page,
    async [Symbol.asyncDispose]() {
      await context.close()
      expect(wrong).toEqual([])
    },
  }
}

async function status(page: Page, text: RegExp): Promise<void> {
  await page.getByRole('status').filter({ hasText: text }).waitFor()
}

async function loaded(page: Page): Promise<void> {
  await status(page, /14 answers/)
}

async function act(page: Page, button: string, text = /14 answers/): Promise<void> {
  await page.getByRole('button', { name: button }).click()
  await page.locator('body:not([aria-busy])').waitFor()
  await status(page, text)
}

function queries(page: Page): Promise<string[]> {
  return page.locator('#queries tbody th').allTextContents()
}

function sources(page: Page): Promise<string[]> {
  return page.locator('#queries tbody .source').allTextContents()
}

async function expectLabelsOfPanelsAsInTable(page: Page): Promise<void> {
  const [calls, from] = [await queries(page), await sources(page)]
  for (const [i, call] of calls.entries()) {
    const label = page.locator(`[data-call="${call}"] .from`)
    expect(await label.textContent()).toMatch(new RegExp(`^${from[i]} [\\d,.]+ ms$`))
  }
}

async function counts(page: Page) {
  const figures = await page
    .locator('#counts dd')
    .evaluateAll((all: any[]) => all.map((dd) => dd.firstChild.data as string))
  const [hits, misses, coldMs, warmMs] = figures.map((text) => Number.parseFloat(text.replaceAll(',', '')))
  return { hits: Number(hits), misses: Number(misses), coldMs: Number(coldMs), warmMs: Number(warmMs) }
}

async function meanDelay(page: Page, airport: string) {
  const panel = page.locator(`[data-call="originSummary('${airport}')"]`)
  const text = (await panel.locator('div', { hasText: 'Mean delay' }).locator('dd').textContent()) ?? ''
  return { text, minutes: Number.parseFloat(text) }
}

async function figuresRow(page: Page, call: string, name: string): Promise<number> {
  const row = page.locator(`[data-call="${call}"] tbody tr`, { has: page.getByText(name, { exact: true }) })
  return Number(await row.locator('td').textContent())
}

/** Texts and grid lines are nearly grey: what has a colour is data. */
async function expectDrawn(page: Page): Promise<void> {
  const coloured = await page.locator('canvas').evaluateAll((canvases: any[]) =>
    canvases.map((canvas) => {
      // A copy: reading the canvas itself makes Chromium warn.
      const { ownerDocument, width, height } = canvas
      const copy = Object.assign(ownerDocument.createElement('canvas'), { width, height })
      const context = copy.getContext('2d', { willReadFrequently: true })
      context.drawImage(canvas, 0, 0)
      const { data } = context.getImageData(0, 0, width, height)
      let pixels = 0
      for (let i = 0; i < data.length; i += 4) {
        const [red, green, blue, opacity] = data.subarray(i, i + 4)
        if (opacity > 200 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60) pixels++
      }
      return pixels
    }),
  )
  expect(coloured).toHaveLength(CHARTS)
  for (const pixels of coloured) expect(pixels).toBeGreaterThan(200)
}

async function background(page: Page): Promise<number[]> {
  const text = await page.evaluate('getComputedStyle(document.body).backgroundColor')
  return (String(text).match(/\d+/g) ?? []).map(Number)
}

function named(page: Page, name: string): Locator {
  return page.getByRole('button', { name }).or(page.locator('form').getByLabel(name))
}

/** The fields of a date take a Tab each. */
async function tabTo(page: Page, control: Locator): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await page.keyboard.press('Tab')
    if (await focused(control)) return
  }
  expect.fail(`not reached with Tab: ${control}`)
}

function focused(control: Locator): Promise<boolean> {
  return control.evaluate((element: any) => element === element.ownerDocument.activeElement)
}
