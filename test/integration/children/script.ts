// A script that uses the cache and ends without closing it.
import { createCache } from 'cachewell'
import { tellParent } from '../../support/parent.ts'

const unhandled: string[] = []
process.on('unhandledRejection', (error) => unhandled.push(String(error)))
process.on('uncaughtException', (error) => unhandled.push(String(error)))

const cache = createCache({ url: process.env.URL_OF_STORE, prefix: 'script', logger: false })
let runs = 0
const call = cache.cached(async () => ++runs, { key: process.env.KEY ?? 'run', ttl: 60 })
const results = [await call(), await call(), await call()]
if (process.env.INVALIDATE) await cache.invalidate('*')
const saidAt = performance.now()
process.on('exit', () => tellParent({ results, unhandled, lingeredMs: performance.now() - saidAt }))
