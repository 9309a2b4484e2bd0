// Shows the dashboards of two tenants, before and after changes:  npx tsx examples/help-desk/main.ts
// In memory; with REDIS_URL set, over Redis.
import { createCache } from 'cachewell'
import { helpDeskOver } from './help-desk.ts'
import { Records } from './records.ts'
import { asTenant, currentTenant } from './request.ts'

const TENANTS = ['acme', 'globex']

const records = new Records()
for (const tenant of TENANTS) {
  const tickets = Array.from({ length: 50 }, (_, i) => ({
    id: i + 1,
    text: `${tenant} wrote on day ${i + 1}: ${'the printer prints what nobody sent to it. '.repeat(6)}`,
    state: 'open' as const,
    agent: `agent-${(i % 2) + 1}`,
  }))
  records.add(tenant, { tickets, settings: { signature: `the help desk of ${tenant}` } })
}

const openCache = () =>
  createCache({
    url: process.env.REDIS_URL || 'memory:',
    prefix: 'help-desk-example',
    tenant: currentTenant,
    compression: true,
  })
const cache = openCache()
// These records begin anew with every start, unlike a database, so that what an earlier run left in Redis is wrong.
for (const tenant of TENANTS) await cache.tenant(tenant).invalidate('*')
const desk = helpDeskOver(records, cache)

const warmed = async (who: string, warm: typeof desk.warm) => {
  for (const tenant of TENANTS) {
    const { loaded, fresh } = await asTenant(tenant, warm)
    console.log(`${who} warms ${tenant}: ${loaded} loaded, ${fresh} fresh`)
  }
}
const show = async (when: string) => {
  for (const tenant of TENANTS) {
    const before = records.queries
    const { open, closed, load, signature } = await asTenant(tenant, desk.dashboard)
    const agents = Object.entries(load).map(([agent, n]) => `${agent} ${n}`)
    const figures = `${open} open, ${closed} closed, ${agents.join(', ')}, ${signature}`
    console.log(`${when}, ${tenant}: ${figures}; ${records.queries - before} queries`)
  }
}

await warmed('the first process', desk.warm)
const other = openCache()
await warmed('another process', helpDeskOver(records, other).warm)
await other.close()

await show('at first')
await asTenant('acme', () => desk.closeTicket(1))
await show('after acme closed a ticket')
await asTenant('acme', () => desk.assignTicket(3, 'agent-2')).catch(({ message }) => console.log(`refused: ${message}`))
await show('after what was refused')
await asTenant('globex', () => desk.sign('your help desk'))
await show('after globex changed its settings')

const bytes = JSON.stringify(await asTenant('acme', () => desk.history())).length
const { stored } = await asTenant('acme', () => cache.explain(desk.history, []))
const [entry] = stored
console.log(`the history of acme has ${bytes} bytes, in ${entry?.tier}: ${entry?.compression ?? 'not compressed'}`)

await cache.close()
