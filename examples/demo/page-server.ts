import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { defaultCache, invalidate } from 'cachewell'
import { type Answer, answers } from './answers.ts'
import type { FlightStatistics } from './flight-statistics.ts'
import { pageFile } from './page-files.ts'
import { PageLoads } from './page-loads.ts'
import { type Delay, recordDelay } from './record-delay.ts'
import type { Store } from './store-in-use.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** The browser is to ask nobody but this server. */
const HEADERS = {
  'content-security-policy': "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  // Asked for anew each time. With no-store, Chromium lists a response that was read line by line as aborted.
  'cache-control': 'no-cache',
}

/**
 * The page, and what it asks for:
 * - `GET /api/answers`: every answer, one JSON line each, as soon as it is there;
 * - `GET /api/cache`: where answers are kept, hits and misses, and the last loads of the page;
 * - `POST /api/delays`: records a delay; `DELETE /api/answers`: empties the cache.
 */
export function pageServer(statistics: FlightStatistics, store: () => Store): Server {
  const loads = new PageLoads()

  const routes: Record<string, Handler> = {
    async 'GET /api/answers'(_, response) {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' })
      const sent: Answer[] = []
      for await (const answer of answers(statistics)) {
        sent.push(answer)
        response.write(`${JSON.stringify(answer)}\n`)
      }
      loads.add(sent)
      response.end()
    },
    async 'GET /api/cache'(_, response) {
      const { hits, misses, bypasses } = defaultCache.stats()
      sendJson(response, 200, { store: store(), hits, misses: misses + bypasses, loads })
    },
    async 'DELETE /api/answers'(_, response) {
      sendJson(response, 200, await invalidate('*'))
    },
    async 'POST /api/delays'(request, response) {
      const delay = await delayOf(request)
      if (delay) sendJson(response, 200, await recordDelay(statistics, delay))
      else sendJson(response, 400, { message: 'An airport, a day of January to March 2001, and 1 to 600 minutes.' })
    },
  }

  return createServer(async (request, response) => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    try {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost')
      const handler = routes[`${request.method} ${pathname}`]
      if (!isLocal(request)) response.writeHead(403).end()
      else if (handler) await handler(request, response)
      else await sendFile(response, pathname)
    } catch (error) {
      // Only the database can fail here: the cache does not.
      console.error(error)
      if (response.headersSent) response.destroy()
      else sendJson(response, 503, { message: 'The database did not answer.' })
    }
  })
}

/** Listens on this machine alone and returns the page's URL. With port 0 a free port is chosen. */
export async function listen(server: Server, port: number): Promise<string> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** A foreign page could have its own name resolve to this machine, and would then count as being of this server. */
function isLocal({ headers }: IncomingMessage): boolean {
  return /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(headers.host ?? '')
}

/** JSON only: a form on a foreign page cannot send that. */
async function delayOf(request: IncomingMessage): Promise<Delay | undefined> {
  if (request.headers['content-type'] !== 'application/json') return undefined
  const sent = await json(request).catch(() => undefined)
  const { origin, day, minutes } = Object(sent) as Record<keyof Delay, unknown>
  if (typeof origin !== 'string' || !/^[A-Z]{3}$/.test(origin)) return undefined
  if (typeof day !== 'string' || !isDayOfData(day)) return undefined
  if (typeof minutes !== 'number' || !Number.isInteger(minutes) || minutes < 1 || minutes > 600) return undefined
  return { origin, day, minutes }
}

/** The 30th of February has the form, but is none. */
function isDayOfData(day: string): boolean {
  return (
    /^2001-0[1-3]-([012]\d|3[01])$/.test(day) && new Date(`${day}T00:00:00Z`).getUTCDate() === Number(day.slice(-2))
  )
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function sendFile(response: ServerResponse, path: string): Promise<void> {
  const file = await pageFile(path)
  if (file) response.writeHead(200, { 'content-type': file.type }).end(file.body)
  else response.writeHead(404, { 'content-type': 'text/plain' }).end('not found')
}
