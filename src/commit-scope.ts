import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { must } from './checks.ts'
import { ofProcess } from './of-process.ts'

interface Scope {
  readonly held: (() => Promise<unknown>)[]
  /** What has to be over before all is held. */
  readonly awaited: Promise<unknown>[]
  /** What was begun in it and goes on (a timer, a pool, a consumer) is in no scope any more. */
  ended: boolean
}

const scopes = /* @__PURE__ */ ofProcess('cachewell/commit-scopes/1', () => ({
  running: new AsyncLocalStorage<Scope | undefined>(),
  /** Services without scopes do not pay for them. */
  used: false,
}))

function currentScope(): Scope | undefined {
  const scope = scopes.used ? scopes.running.getStore() : undefined
  return scope?.ended ? undefined : scope
}

/**
 * Ties caching to a transaction of yours. Inside of `work`, cached calls run their functions and neither read nor
 * store, since what a transaction sees is not committed and may be rolled back; what is invalidated, set or updated
 * is held until `work` has succeeded, and dropped when it throws. A scope within a scope belongs to the outer one.
 *
 * @returns what `work` returns, after everything that was held has been carried out
 * @throws what `work` throws
 *
 * @example
 * ```ts
 * import { commitScope, invalidate } from 'cachewell'
 *
 * declare const database: { transaction<T>(work: () => Promise<T>): Promise<T> }
 *
 * export const rename = (id: number) =>
 *   commitScope(() =>
 *     database.transaction(async () => {
 *       await invalidate(['user', id]) // when the transaction has been committed
 *     }),
 *   )
 * ```
 */
export async function commitScope<T>(work: () => Promise<T>): Promise<T> {
  must(typeof work === 'function', 'commitScope takes the function that does the work')
  if (currentScope()) return work()
  scopes.used = true
  const scope: Scope = { held: [], awaited: [], ended: false }
  try {
    const result = await scopes.running.run(scope, work)
    await Promise.all(scope.awaited)
    // Outside of the scope: what was held is to be done now. Each of them swallows its own trouble.
    for (const carryOut of scope.held) await carryOut()
    return result
  } finally {
    scope.ended = true
  }
}

export function inCommitScope(): boolean {
  return currentScope() !== undefined
}

/** Does it now, or keeps it for the commit and answers `meanwhile`. */
export function whenCommitted<T>(carryOut: () => Promise<T>, meanwhile: T): Promise<T> {
  const scope = currentScope()
  if (!scope) return carryOut()
  // With the tenant of who asks for it; what is carried out is not of the scope any more.
  scope.held.push(AsyncResource.bind(() => scopes.running.run(undefined, carryOut)))
  return Promise.resolve(meanwhile)
}

/** Has the scope, if there is one, end later than `work`, which never rejects: what comes of it may still have to be held. */
export function awaitInScope(work: Promise<unknown>): void {
  currentScope()?.awaited.push(work)
}
