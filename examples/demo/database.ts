import { Worker } from 'node:worker_threads'
import type { DatabaseReply, DatabaseRequest } from './database.worker.ts'

/** Postgres inside this process, on a thread of its own: a long query does not block the event loop. */
export interface Database {
  query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]>
  /** Appends rows given as CSV, in one COPY. */
  copy(table: string, csv: string): Promise<void>
  close(): Promise<void>
}

/** Starts an empty database. It is ready once the first query is answered. */
export function openDatabase(): Database {
  const worker = startTypeScriptWorker(new URL('./database.worker.ts', import.meta.url))
  const waiting = new Map<number, { resolve(rows: unknown[]): void; reject(error: unknown): void }>()
  let lastId = 0
  let failure: unknown

  worker.on('message', (reply: DatabaseReply) => {
    const call = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('error' in reply) call?.reject(reply.error)
    else call?.resolve(reply.rows)
  })
  worker.on('error', fail)
  worker.on('exit', () => fail(new Error('the database is closed')))

  function fail(error: unknown): void {
    failure ??= error
    for (const call of waiting.values()) call.reject(error)
    waiting.clear()
  }

  function ask(sql: string, params: readonly unknown[], blob?: string): Promise<unknown[]> {
    const request: DatabaseRequest = { id: ++lastId, sql, params, blob }
    return new Promise((resolve, reject) => {
      if (failure) return reject(failure)
      waiting.set(request.id, { resolve, reject })
      worker.postMessage(request)
    })
  }

  return {
    query: <Row>(sql: string, params: readonly unknown[] = []) => ask(sql, params) as Promise<Row[]>,
    copy: async (table, csv) => {
      await ask(`COPY ${table} FROM '/dev/blob' WITH (FORMAT csv)`, [], csv)
    },
    close: async () => {
      await worker.terminate()
    },
  }
}

/**
 * On Node 20 a worker does not inherit tsx's module hooks, and `--import tsx` does not set them in a worker either:
 * so it starts with a line of JavaScript which registers them, and then imports the TypeScript file.
 */
function startTypeScriptWorker(file: URL): Worker {
  const [tsx, entry] = [import.meta.resolve('tsx/esm/api'), file.href].map((url) => JSON.stringify(url))
  return new Worker(`import(${tsx}).then(({ register }) => { register(); return import(${entry}) })`, { eval: true })
}
