import { AsyncLocalStorage } from 'node:async_hooks'

const request = new AsyncLocalStorage<{ readonly tenant: string }>()

/** What a server does with every request, when it has found out whose it is. */
export const asTenant = <Result>(tenant: string, work: () => Promise<Result>): Promise<Result> =>
  request.run({ tenant }, work)

/** The cache and the queries both ask this, so that they cannot be of two minds. */
export const currentTenant = (): string | undefined => request.getStore()?.tenant
