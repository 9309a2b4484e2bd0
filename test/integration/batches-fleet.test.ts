import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Child, runChild } from '../support/child.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

const COUNT = 300
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
const sorted = (ids: readonly number[]) => [...ids].sort((a, b) => a - b)

interface Told {
  readonly type: 'ready' | 'loading' | 'answer'
  readonly ids: number[]
  readonly answers: { readonly id: number; readonly by: number }[][]
}
const told = (child: Child, type: Told['type']) => (child.messages as Told[]).filter((message) => message.type === type)

describeRedis('batches of a fleet', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await RedisServer.start()
  })
  afterAll(() => redis[Symbol.asyncDispose]())

  test('of lists that overlap, in four processes, every id is loaded once, and all have it where they asked for it', async () => {
    const url = new URL('./children/batcher.ts', import.meta.url)
    const children = range(0, 4).map(() => runChild(url, { env: { URL_OF_STORE: redis.url }, timeoutMs: 60_000 }))
    const loaded = () => children.flatMap((child) => told(child, 'loading').flatMap(({ ids }) => ids))
    const answered = (times: number) => () => children.every((child) => told(child, 'answer').length === times)
    await until(() => children.every((child) => told(child, 'ready').length === 1), { timeoutMs: 30_000 })

    // Each half of the ids is wanted by two or three of them, in this order or in that, some twice, and in two calls at once.
    const wanted = [
      [range(0, 200), range(150, 250).reverse()],
      [range(50, 300).reverse(), [7, 7, 299, 0]],
      [range(100, 300), range(0, 100)],
      [[...range(0, 300)].sort((a, b) => (a % 7) - (b % 7)), [42]],
    ]
    children.forEach((child, i) => {
      child.send(wanted[i])
    })
    // None of the loads has ended, so whoever wants an id that another loads waits for it.
    await until(() => new Set(loaded()).size === COUNT, { timeoutMs: 30_000 })
    expect(sorted(loaded())).toEqual(range(0, COUNT))
    expect(children.some((child) => told(child, 'answer').length > 0)).toBe(false)

    for (const child of children) child.send('let go')
    await until(answered(1), { timeoutMs: 30_000 })
    const whose = new Map(
      children.flatMap((child) => told(child, 'loading').flatMap(({ ids }) => ids.map((id) => [id, child.pid]))),
    )
    const right = (lists: readonly number[][]) => lists.map((ids) => ids.map((id) => ({ id, by: whose.get(id) })))
    expect(children.map((child) => told(child, 'answer')[0]?.answers)).toEqual(wanted.map(right))

    // Later nobody loads anything.
    for (const child of children) child.send([range(0, COUNT).reverse()])
    await until(answered(2), { timeoutMs: 30_000 })
    for (const child of children) expect(told(child, 'answer')[1]?.answers).toEqual(right([range(0, COUNT).reverse()]))
    expect(loaded()).toHaveLength(COUNT)
    expect(Math.max(...children.flatMap((child) => told(child, 'loading').map(({ ids }) => ids.length)))).toBe(40)

    for (const child of children) {
      child.endInput()
      expect(await child.done).toMatchObject({ code: 0 })
    }
  }, 90_000)
})
