import { createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runChild } from '../support/child.ts'
import { likelyPort } from '../support/likely-port.ts'
import { counting, median, openCache, timed } from './open-cache.ts'

/** Accepts connections and never says a word. */
const silent = createServer((socket: Socket) => {
  sockets.add(socket.on('error', () => {}).resume())
})
const sockets = new Set<Socket>()
let silentUrl: string
beforeAll(async () => {
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  silentUrl = `redis://127.0.0.1:${(silent.address() as { port: number }).port}`
})
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => silent.close(resolve))
})

const places = [
  ['refuses', () => `redis://127.0.0.1:${likelyPort()}`],
  ['has no address', () => 'redis://no-such-host.invalid:6379'],
  ['accepts and never answers', () => silentUrl],
] as const

describe.each(places)('a Redis that from the start %s', (_name, urlOf) => {
  test('costs one wait, and then next to nothing', async () => {
    const { cache, of } = openCache({ url: urlOf() })
    const load = counting((run) => ({ run }))
    const call = cache.cached(load, { key: 'k', ttl: 60 })

    const first = await timed(() => Promise.all(Array.from({ length: 20 }, (_, i) => call(i))))
    expect(first.value).toHaveLength(20)
    expect(first.ms).toBeLessThan(1_500)
    const later: number[] = []
    for (let i = 0; i < 200; i++) later.push((await timed(() => call(i))).ms)
    expect(median(later)).toBeLessThan(5)
    expect(load.runs).toBe(220)
    expect(of('hit')).toEqual([])
    // A failure is a lasting state: it is told once.
    expect(of('connection').filter(({ state }) => state === 'failed').length).toBeLessThanOrEqual(1)
  })

  test('changes neither what a function returns nor what it throws', async () => {
    const { cache } = openCache({ url: urlOf() })
    const result = new Response('stream')
    const error = new RangeError('the function itself')
    const good = cache.cached(async () => result, { key: 'good', ttl: 60 })
    const bad = cache.cached(async () => Promise.reject(error), { key: 'bad', ttl: 60 })
    const sync = cache.cached(
      (): Promise<never> => {
        throw error
      },
      { key: 'sync', ttl: 60 },
    )
    expect(await good()).toBe(result)
    await expect(bad()).rejects.toBe(error)
    await expect(sync()).rejects.toBe(error)
  })

  test('fails no direct access', async () => {
    const { cache } = openCache({ url: urlOf() })
    expect(await cache.get('k')).toBeUndefined()
    expect(await cache.getMany(['a', 'b'])).toEqual([undefined, undefined])
    expect(await cache.set('k', 1, { ttl: 60 })).toBe(false)
    expect(await cache.setMany([['k', 1]], { ttl: 60 })).toBe(false)
    expect(await cache.increment('n', 1, { ttl: 60 })).toBeUndefined()
    expect(await cache.delete('k')).toBe(false)
    expect(await cache.invalidate('k')).toEqual({ removed: 0, deferred: true })
    expect(await cache.invalidate('*')).toEqual({ removed: 0, deferred: true })
  })

  test('raises no rejection in the process, and lets a script end by itself', async () => {
    const { code, signal, stderr, messages } = await runChild('test/integration/children/script.ts', {
      env: { URL_OF_STORE: urlOf() },
      timeoutMs: 10_000,
    }).done
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
    expect(messages).toMatchObject([{ results: [1, 2, 3], unhandled: [] }])
  })
})
