import type { Fleet, Place } from './fleet.ts'
import type { Random } from './random.ts'

/** What goes wrong; resolves when all is well again. */
export type Trouble = () => Promise<void>

/** Each by the name under which it is counted, in the order in which they come, over and over. */
export type Troubles = readonly (readonly [name: string, trouble: Trouble])[]

/** A place to work in, and what can go wrong there. */
export interface Stage extends Place, AsyncDisposable {
  troubles(fleet: Fleet, random: Random): Troubles
  /** Between two troubles. */
  readonly restMs: readonly [least: number, most: number]
}
