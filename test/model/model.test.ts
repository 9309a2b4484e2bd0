import fc from 'fast-check'
import { test } from 'vitest'
import { Call, Peek, Release } from './commands.ts'
import { NAMES, type Name, PLACES, type Place, Source } from './functions.ts'
import { commandsOn } from './kinds.ts'
import { Reference } from './reference.ts'
import type { Commands } from './step.ts'
import { System } from './system.ts'

/*
 * The cache against a reference that follows from the documentation, over commands at random. A failure shows the
 * shortest list of commands that it could be brought down to, and the seed.
 */

test.each(NAMES)('%s answers as documented, whatever is done to it', (name) => {
  return compare([name], { maxCommands: 100, numRuns: 300 })
})

test("functions that share a cache and a source do not get into each other's way", () => {
  return compare(NAMES, { maxCommands: 200, numRuns: 150 })
})

interface Bounds {
  readonly maxCommands: number
  readonly numRuns: number
}

async function compare(names: readonly Name[], { maxCommands, numRuns }: Bounds): Promise<void> {
  const places = PLACES.filter(({ name }) => names.includes(name))
  const property = fc.asyncProperty(commandsOn(places, maxCommands), (commands) => compareOnce(places, commands))
  await fc.assert(property, { numRuns })
}

async function compareOnce(places: readonly Place[], commands: Commands): Promise<void> {
  const source = new Source()
  const [reference, system] = [new Reference(source), new System(source)]
  try {
    await system.begin()
    await fc.asyncModelRun(() => ({ model: reference, real: system }), commands)
    await audit(places, reference, system)
  } finally {
    await system.close()
  }
}

/** In the end nothing is held, and everything is looked at. */
async function audit(places: readonly Place[], reference: Reference, system: System): Promise<void> {
  while (reference.held.size > 0) await new Release(0).run(reference, system)
  for (const place of places) {
    await new Peek(place).run(reference, system)
    await new Call(place).run(reference, system)
  }
}
