import { createServer, type IncomingMessage, type Server } from 'node:http'
import { json } from 'node:stream/consumers'
import { Drivers } from './drivers.ts'
import { Incidents } from './incidents.ts'
import { BadRequest, depotFrom, driverFrom, idFrom, incidentFrom, monthFrom, severityFrom } from './input.ts'
import type { Records } from './records.ts'
import { Reports } from './reports.ts'

interface Asked {
  /** What stands in the place of the `*` of a path. */
  readonly name: string
  readonly query: URLSearchParams
  readonly body: unknown
}

/** Answers with what is sent as JSON; `null` is 404. */
type Handler = (asked: Asked) => Promise<unknown>

export function driverSafetyServer(records: Records): Server {
  const drivers = new Drivers(records)
  const incidents = new Incidents(records)
  const reports = new Reports(records)

  /** A driver who does not exist has no score of 100. */
  const ofKnownDriver = async (name: string, answer: (id: number) => Promise<unknown>) => {
    const driver = await drivers.find(idFrom(name))
    return driver && answer(driver.id)
  }

  const incidentOf = async (body: unknown) => {
    const incident = incidentFrom(body)
    if (!(await drivers.find(incident.driverId))) throw new BadRequest('no such driver')
    return incident
  }

  const routes: Record<string, Handler> = {
    'GET /drivers': ({ query }) => drivers.list(given(query.get('depot'), depotFrom)),
    'POST /drivers': ({ body }) => drivers.create(driverFrom(body)),
    'GET /drivers/*': ({ name }) => drivers.find(idFrom(name)),
    'PUT /drivers/*': ({ name, body }) => drivers.update({ ...driverFrom(body), id: idFrom(name) }),
    'DELETE /drivers/*': ({ name }) => drivers.remove(idFrom(name)),
    'GET /drivers/*/incidents': ({ name }) => ofKnownDriver(name, (id) => incidents.ofDriver(id)),
    'GET /drivers/*/score': ({ name }) => ofKnownDriver(name, async (id) => ({ score: await incidents.score(id) })),
    'GET /incidents': ({ query }) => incidents.list(given(query.get('severity'), severityFrom)),
    'POST /incidents': async ({ body }) => incidents.create(await incidentOf(body)),
    'PUT /incidents/*': async ({ name, body }) => incidents.update({ ...(await incidentOf(body)), id: idFrom(name) }),
    'DELETE /incidents/*': ({ name }) => incidents.remove(idFrom(name)),
    'GET /reports/*': ({ name }) => reports.monthly(monthFrom(name)),
  }

  return createServer(async (request, response) => {
    const send = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    try {
      const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://localhost')
      const [, kind, name = '', part] = pathname.split('/')
      const path = [kind, ...(name ? ['*'] : []), ...(part ? [part] : [])].join('/')
      const handler = routes[`${request.method} /${path}`]
      const answer = handler ? await handler({ name, query, body: await bodyOf(request) }) : null
      if (answer === null) send(404, { message: 'there is none' })
      else send(request.method === 'POST' ? 201 : 200, answer)
    } catch (error) {
      if (error instanceof BadRequest) return send(400, { message: error.message })
      // Only the records can fail here: the cache does not.
      console.error(error)
      send(503, { message: 'no answer at the moment' })
    }
  })
}

/** A parameter that may be left out. */
function given<Value>(text: string | null, read: (text: string) => Value): Value | undefined {
  return text === null ? undefined : read(text)
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  if (request.method !== 'POST' && request.method !== 'PUT') return undefined
  return json(request).catch(() => {
    throw new BadRequest('the body is not JSON')
  })
}
