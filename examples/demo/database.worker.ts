import { parentPort } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'

/** What the main thread asks. `blob` is what `COPY … FROM '/dev/blob'` reads. */
export interface DatabaseRequest {
  readonly id: number
  readonly sql: string
  readonly params: readonly unknown[]
  readonly blob?: string
}

export type DatabaseReply =
  | { readonly id: number; readonly rows: unknown[] }
  | { readonly id: number; readonly error: unknown }

const postgres = PGlite.create()

parentPort?.on('message', async ({ id, sql, params, blob }: DatabaseRequest) => {
  const reply = (message: DatabaseReply) => parentPort?.postMessage(message)
  try {
    const options = blob === undefined ? {} : { blob: new Blob([blob]) }
    const { rows } = await (await postgres).query(sql, [...params], options)
    reply({ id, rows })
  } catch (error) {
    // A plain Error survives the way between threads; PGlite's own class would not.
    reply({ id, error: new Error(error instanceof Error ? error.message : String(error)) })
  }
})
