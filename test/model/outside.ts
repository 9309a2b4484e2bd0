import type { Group, Health } from './functions.ts'
import type { Reference } from './reference.ts'
import { pass, Step } from './step.ts'
import type { System } from './system.ts'

/** The lease of a load that takes longer is not renewed any more, and others go on without it. */
const LONGEST_HELD_MS = 55_000

/** By so many milliseconds, or to just before, at or just after a moment at which something changes by itself. */
export class Advance extends Step {
  constructor(readonly by: number | { readonly edge: number; readonly offset: -1 | 0 | 1 }) {
    super()
  }

  check(reference: Reference): boolean {
    const then = reference.now + this.#amount(reference)
    return [...reference.held.values()].every(({ beganAt }) => then - beganAt <= LONGEST_HELD_MS)
  }

  async act(reference: Reference, system: System): Promise<void> {
    await pass(reference, system, this.#amount(reference))
  }

  #amount(reference: Reference): number {
    if (typeof this.by === 'number') return this.by
    const edges = reference.edges()
    const at = edges[this.by.edge % edges.length]
    return at === undefined ? 0 : Math.max(0, at + this.by.offset - reference.now)
  }

  toString(): string {
    if (typeof this.by === 'number') return `${this.by} ms later`
    return `${this.by.offset} ms from change ${this.by.edge} to come`
  }
}

export class ChangeSource extends Step {
  constructor(
    readonly id: number,
    readonly group: Group,
    readonly keep: boolean,
  ) {
    super()
  }

  check(): boolean {
    return true
  }

  async act({ source }: Reference): Promise<void> {
    source.change(this.id, this.group, this.keep)
  }

  toString(): string {
    return `row ${this.id} changes (${this.group}, ${this.keep ? 'to keep' : 'not to keep'})`
  }
}

export class TurnSource extends Step {
  constructor(
    readonly id: number,
    readonly health: Health,
  ) {
    super()
  }

  check(): boolean {
    return true
  }

  async act({ source }: Reference): Promise<void> {
    source.turn(this.id, this.health)
  }

  toString(): string {
    return `row ${this.id}: ${this.health}`
  }
}
