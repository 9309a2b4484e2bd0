import type { EventEmitter } from 'node:events'
import { tellParent } from '../support/parent.ts'
import type { Found } from './messages.ts'

/** Of one rule. What has gone wrong so often goes wrong all the time, and its words would fill the memory. */
const MOST_TOLD = 10

/** What a worker has found to be wrong: told at once, since it may not live to tell it later. */
export class Problems {
  readonly #found = new Map<string, number>()

  constructor(private readonly tell: (message: Found) => void = tellParent) {}

  add(rule: string, text: string): void {
    const count = (this.#found.get(rule) ?? 0) + 1
    this.#found.set(rule, count)
    if (count <= MOST_TOLD) this.tell({ type: 'problem', rule, text })
  }

  get count(): number {
    return [...this.#found.values()].reduce((sum, count) => sum + count, 0)
  }

  /** What nobody has caught, and what Node warns of. */
  watchProcess(emitter: EventEmitter = process): void {
    emitter.on('unhandledRejection', (reason) => this.add('unhandled rejection', textOf(reason)))
    emitter.on('uncaughtException', (error) => this.add('uncaught exception', textOf(error)))
    emitter.on('warning', (warning: Error) => {
      // What Node calls experimental is ours: it counts what is left at the end.
      if (warning.name !== 'ExperimentalWarning') this.add('warning', textOf(warning))
    })
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)) : String(error)
}
