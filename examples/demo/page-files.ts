import { readFile } from 'node:fs/promises'

const TYPES = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

const inPage = (name: string) => new URL(`./page/${name}`, import.meta.url)

/** The paths that are served, and no others. The package of Chart.js exports its modules only: the bundle is beside. */
const FILES = new Map<string, URL>([
  ['/', inPage('index.html')],
  ...[
    'style.css',
    'main.js',
    'cache-view.js',
    'panels.js',
    'panel-list.js',
    'charts.js',
    'elements.js',
    'icon.svg',
  ].map((name): [string, URL] => [`/${name}`, inPage(name)]),
  ['/chart.umd.min.js', new URL('chart.umd.min.js', import.meta.resolve('chart.js'))],
])

export interface PageFile {
  readonly type: string
  readonly body: Buffer
}

/** Read anew each time: whoever edits the page has to reload it, and no more. */
export async function pageFile(path: string): Promise<PageFile | undefined> {
  const file = FILES.get(path)
  if (!file) return undefined
  const ending = file.pathname.slice(file.pathname.lastIndexOf('.') + 1) as keyof typeof TYPES
  return { type: TYPES[ending], body: await readFile(file) }
}
