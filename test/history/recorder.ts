import { openSync, writeSync } from 'node:fs'
import { type Done, type Entry, type Incident, isOperation, now } from './history.ts'

const FLUSH_AT = 200

/** Writes down what its process does. */
export class Recorder {
  readonly #file: number
  readonly by: number
  #lines: string[] = []
  #ids = 0
  /** So many of them are written down. */
  operations = 0
  #unwritten = 0

  constructor(path: string, by: number) {
    this.#file = openSync(path, 'w')
    this.by = by
  }

  id(): string {
    return `${this.by}-${++this.#ids}`
  }

  /** Written at some time soon: when this process is killed it may be lost. */
  note(entry: Entry): void {
    this.#lines.push(`${JSON.stringify(entry)}\n`)
    if (isOperation(entry)) this.#unwritten++
    if (this.#lines.length >= FLUSH_AT) this.flush()
  }

  /** Written before anything else happens: what changes the cache must be known even if its process dies of it. */
  announce(entry: Entry): void {
    this.note(entry)
    this.flush()
  }

  done(id: string, sure: boolean): void {
    const done: Done = { kind: 'done', id, end: now(), sure }
    this.note(done)
  }

  /** Of a load. Written before its lease can end: else it would seem to run until its process is killed, beside the next. */
  landed(id: string): void {
    this.done(id, true)
    this.flush()
  }

  befell(what: Incident['what']): void {
    this.announce({ kind: 'incident', what, at: now() })
  }

  flush(): void {
    const text = this.#lines.join('')
    this.#lines = []
    if (text !== '') writeSync(this.#file, text)
    this.operations += this.#unwritten
    this.#unwritten = 0
  }
}
