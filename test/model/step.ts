import { isDeepStrictEqual } from 'node:util'
import type fc from 'fast-check'
import { expect } from 'vitest'
import type { Reference } from './reference.ts'
import { type System, settle } from './system.ts'

export type Command = fc.AsyncCommand<Reference, System>
export type Commands = Iterable<fc.AsyncCommand<Reference, System, boolean>>

/** Something is done to both, and afterwards they have to agree. */
export abstract class Step implements Command {
  abstract check(reference: Reference): boolean
  /** The same whatever state it is run in: it is shown of a command that has been run in many. */
  abstract toString(): string
  protected abstract act(reference: Reference, system: System): Promise<void>

  async run(reference: Reference, system: System): Promise<void> {
    system.log(`\n  ${this}`)
    await this.act(reference, system)
    await settle()
    this.agree(system, system.runs, reference.runs)
  }

  /** Asks `expect` only for what to say: it takes its time, and is asked often. */
  protected agree(system: System, actual: unknown, expected: unknown): void {
    if (!isDeepStrictEqual(actual, expected)) expect(actual, `at the end of${system.done}\n`).toStrictEqual(expected)
  }
}

export async function pass(reference: Reference, system: System, ms: number): Promise<void> {
  reference.now += ms
  system.log(`${ms} ms`)
  await system.advance(ms)
}
