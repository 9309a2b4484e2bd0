import { PGlite } from '@electric-sql/pglite'
import { createCache } from 'cachewell'
import { accountsOver } from './accounts.ts'

const database = await PGlite.create()
await database.exec(
  'create table account (id int primary key, cents int); insert into account values (1, 1000), (2, 0)',
)
const cache = createCache({ url: process.env.REDIS_URL || 'memory:', prefix: 'transactions-example' })
await cache.invalidate('*')
const { balance, transfer } = accountsOver(database, cache)

const show = async (when: string) => {
  const { misses } = cache.stats()
  const balances = [await balance(1), await balance(2)]
  console.log(`${when}: ${balances.join(' and ')}, ${cache.stats().misses - misses} of 2 from the database`)
}

await show('at first')
await show('again')
await transfer(1, 2, 300)
await show('after a transfer of 300')
await transfer(1, 2, 5_000).catch((error: Error) => console.log(`a transfer of 5000 was rolled back: ${error.message}`))
await show('after the rollback')

await cache.close()
await database.close()
