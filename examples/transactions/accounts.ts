import type { PGlite, Transaction } from '@electric-sql/pglite'
import { type Cache, commitScope } from 'cachewell'

/** Balances are read all the time and change in transactions: what those see is not cached, nor what they undo. */
export function accountsOver(database: PGlite, cache: Cache) {
  const balance = cache.cached(
    async (id: number): Promise<number> => {
      const { rows } = await database.query<{ cents: number }>('select cents from account where id = $1', [id])
      return rows[0]?.cents ?? 0
    },
    { key: 'balance', ttl: '1h', tags: (id: number) => [`account:${id}`] },
  )

  async function book(transaction: Transaction, id: number, cents: number): Promise<void> {
    await transaction.query('update account set cents = cents + $2 where id = $1', [id, cents])
    // Held until the commit: now, another process would only load the old balance once more.
    await cache.invalidateTags(`account:${id}`)
  }

  /** Moves money, or nothing at all. */
  const transfer = (from: number, to: number, cents: number): Promise<void> =>
    commitScope(() =>
      database.transaction(async (transaction) => {
        await book(transaction, from, -cents)
        await book(transaction, to, cents)
        const { rows } = await transaction.query<{ cents: number }>('select cents from account where id = $1', [from])
        if ((rows[0]?.cents ?? 0) < 0) throw new Error('not enough money')
      }),
    )

  return { balance, transfer }
}
