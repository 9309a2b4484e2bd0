import { type Cache, commitScope } from 'cachewell'
import type { Desk, Records } from './records.ts'
import { currentTenant } from './request.ts'

/** Tags: what a write changes, and what an answer was made of. An answer may be made of several. */
type Category = 'tickets' | 'settings'

const OPEN_AT_MOST = 25

/** @param cache - with the option `tenant`: no key and no tag below says whose it is, and all of them are somebody's */
export function helpDeskOver(records: Records, cache: Cache) {
  const query = <Result>(look: (desk: Desk) => Result) => records.query(tenantOrThrow(), look)
  const of = (...categories: Category[]) => categories

  // Looked at all the time: the one who finds it old is not the one who waits.
  const figures = cache.cached(async () => query(countStates), {
    key: 'figures',
    ttl: '30s',
    staleWhileRevalidate: '1m',
    tags: of('tickets'),
  })

  const workload = cache.cached(async () => query(countByAgent), { key: 'workload', ttl: '2m', tags: of('tickets') })

  // Large: what is above 10 kB is compressed on its way to Redis.
  const history = cache.cached(
    async () => query(({ tickets, settings }) => tickets.map((ticket) => ({ ...ticket, ...settings }))),
    { key: 'history', ttl: '15m', jitter: 0.1, tags: of('tickets', 'settings') },
  )

  const settings = cache.cached(async () => query((desk) => desk.settings), {
    key: 'settings',
    ttl: '6h',
    tags: of('settings'),
  })

  async function dashboard() {
    const [counts, load, all, { signature }] = await Promise.all([figures(), workload(), history(), settings()])
    return { ...counts, load, tickets: all.length, signature }
  }

  /** A transaction of the current tenant. What it says it has changed is ended when it is committed, and not if it fails. */
  const change = (work: (desk: Desk, ended: (category: Category) => Promise<unknown>) => Promise<void>) =>
    commitScope(() =>
      records.transaction(tenantOrThrow(), (desk) => work(desk, (category) => cache.invalidateTags(category))),
    )

  const closeTicket = (id: number) =>
    change(async ({ tickets }, ended) => {
      for (const ticket of tickets) if (ticket.id === id) ticket.state = 'closed'
      await ended('tickets')
    })

  const assignTicket = (id: number, agent: string) =>
    change(async (desk, ended) => {
      for (const ticket of desk.tickets) if (ticket.id === id) ticket.agent = agent
      await ended('tickets')
      if ((countByAgent(desk)[agent] ?? 0) > OPEN_AT_MOST) throw new Error(`${agent} has enough to do`)
    })

  const sign = (signature: string) =>
    change(async (desk, ended) => {
      desk.settings = { signature }
      await ended('settings')
    })

  /** Loads what is not fresh, before anybody waits for it. Processes that start together load each answer once. */
  async function warm() {
    const results = [
      await cache.warm(figures, [[]]),
      await cache.warm(workload, [[]]),
      await cache.warm(history, [[]]),
      await cache.warm(settings, [[]]),
    ]
    const sum = (name: 'loaded' | 'fresh') => results.reduce((total, result) => total + result[name], 0)
    return { loaded: sum('loaded'), fresh: sum('fresh') }
  }

  return { dashboard, history, closeTicket, assignTicket, sign, warm }
}

function tenantOrThrow(): string {
  const tenant = currentTenant()
  if (!tenant) throw new Error('outside of a request: nobody is asking')
  return tenant
}

function countStates({ tickets }: Desk): { open: number; closed: number } {
  const open = tickets.filter(({ state }) => state === 'open').length
  return { open, closed: tickets.length - open }
}

function countByAgent({ tickets }: Desk): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { state, agent } of tickets) if (state === 'open') counts[agent] = (counts[agent] ?? 0) + 1
  return counts
}
