import { expect, test } from 'vitest'
import { type Turn, Turns } from '../src/turns.ts'

/** Takes turns one after the other, and tells of those that it has. */
function taker(turns: Turns): { readonly taken: Turn[]; settled(): Promise<void> } {
  const taken: Turn[] = []
  void (async () => {
    for (;;) taken.push(await turns.take())
  })()
  return { taken, settled: () => new Promise((resolve) => setImmediate(resolve)) }
}

test('as many turns are handed out as there are, and one more for each that is over', async () => {
  const { taken, settled } = taker(new Turns(3))
  await settled()
  expect(taken).toHaveLength(3)
  taken[1]?.pass()
  await settled()
  expect(taken).toHaveLength(4)
  // It was over already.
  taken[1]?.pass()
  await settled()
  expect(taken).toHaveLength(4)
})

test('one that runs after all has its turn at once, and the next to be handed out comes the later', async () => {
  const { taken, settled } = taker(new Turns(2))
  await settled()
  taken[0]?.pass()
  await settled()
  expect(taken).toHaveLength(3)
  taken[0]?.hold()
  taken[0]?.hold()
  taken[1]?.pass()
  await settled()
  expect(taken).toHaveLength(3)
  taken[0]?.pass()
  await settled()
  expect(taken).toHaveLength(4)
})
