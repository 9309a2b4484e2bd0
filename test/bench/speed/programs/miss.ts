import { Socket } from 'node:net'
import { onParentMessage, tellParent } from '../../../support/parent.ts'
import { sleep } from '../../../support/real-time.ts'
import { openContestant } from '../open.ts'
import { FIRST_ID } from '../settings.ts'
import { makeValue } from '../values.ts'

export interface MissReport {
  readonly type: 'misses'
  readonly misses: number
  /** Times that an answer of Redis came in between the call and its value. */
  readonly waitedFor: number
}

const MISSES = 100
const WARM_UP_MISSES = 20
const LOAD_MS = 2

let received = 0
let loads = 0
countAnswers()

/** Each piece that comes in: with one call at a time, that is one answer. */
function countAnswers(): void {
  const { push } = Socket.prototype
  Socket.prototype.push = function (this: Socket, chunk, ...rest) {
    if (chunk !== null) received++
    return push.call(this, chunk, ...rest)
  }
}

const { get, settings } = await openContestant(async (id) => {
  loads++
  await sleep(LOAD_MS)
  return makeValue(settings.value, id)
})
let id = FIRST_ID
for (let i = 0; i < WARM_UP_MISSES; i++) await get(id++)

onParentMessage(async () => {
  let waitedFor = 0
  loads = 0
  for (let i = 0; i < MISSES; i++) {
    await sleep(LOAD_MS) // What was stored behind the last caller's back is answered.
    const before = received
    await get(id++)
    waitedFor += received - before
  }
  if (loads !== MISSES) throw new Error(`${loads} loads in ${MISSES} calls: these are no misses`)
  tellParent({ type: 'misses', misses: MISSES, waitedFor } satisfies MissReport)
})
tellParent({ type: 'ready' })
