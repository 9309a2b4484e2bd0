import { test } from 'vitest'

const nothing = Object.assign(() => {}, { each: () => () => {} }) as unknown as typeof test

/** For suites that run over several stores: declares a test only where what it is about exists. Nothing is skipped. */
export function testWhere(holds: boolean): typeof test {
  return holds ? test : nothing
}
