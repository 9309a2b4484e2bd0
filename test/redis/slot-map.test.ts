import { describe, expect, test } from 'vitest'
import { CacheTroubleError } from '../../src/errors.ts'
import type { RedisClient } from '../../src/redis/client.ts'
import { keySlot } from '../../src/redis/key-slot.ts'
import { nameOf, readSlotMap, redirectionOf } from '../../src/redis/slot-map.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'

const ASKED = { host: 'asked.example', port: 7000 }
const mapOf = (rows: unknown) => readSlotMap({ call: async () => rows } as unknown as RedisClient, ASKED)

describe('the map of slots', () => {
  test('names the master of each slot, and nobody where nobody has it', async () => {
    const map = await mapOf([
      [0, 99, ['10.0.0.1', 6379, 'id'], ['10.0.0.2', 6379, 'replica']],
      [101, 16_383, ['10.0.0.3', 6380, 'id']],
    ])
    expect([0, 99, 101, 16_383].map((slot) => map[slot] && nameOf(map[slot]))).toEqual([
      ...['10.0.0.1:6379', '10.0.0.1:6379'],
      ...['10.0.0.3:6380', '10.0.0.3:6380'],
    ])
    expect(map[100]).toBeUndefined()
    expect(map).toHaveLength(16_384)
  })

  test.each([null, '', '?'])('takes a server that calls itself %j for the one that was asked', async (name) => {
    expect((await mapOf([[0, 16_383, [name, 7001, 'id']]]))[5]).toEqual({ host: 'asked.example', port: 7001 })
  })

  test('is refused where no slot is served', async () => {
    await expect(mapOf([])).rejects.toThrow('serves no slots')
  })
})

describe('a redirection', () => {
  const of = (message: string) => redirectionOf(new CacheTroubleError(message.split(' ')[0] as string, message), ASKED)

  test.each([
    ['MOVED 3999 127.0.0.1:6381', { kind: 'MOVED', endpoint: { host: '127.0.0.1', port: 6381 } }],
    ['ASK 3999 cache.example:6381', { kind: 'ASK', endpoint: { host: 'cache.example', port: 6381 } }],
    ['MOVED 3999 ::1:6381', { kind: 'MOVED', endpoint: { host: '::1', port: 6381 } }],
    ['MOVED 3999 :6381', { kind: 'MOVED', endpoint: { host: 'asked.example', port: 6381 } }],
    ['CLUSTERDOWN The cluster is down', undefined],
    ['ERR MOVED 1 a:1', undefined],
  ])('%s', (message, expected) => {
    expect(of(message)).toEqual(expected)
  })

  test('is none of an error of another kind', () => {
    expect(redirectionOf(new Error('MOVED 1 a:1'), ASKED)).toBeUndefined()
  })
})

describeRedis('the slot of a key', () => {
  test('is what the server says', async () => {
    await using server = await RedisServer.start({ args: ['--cluster-enabled', 'yes'] })
    const keys = [
      '',
      'a',
      'test::user:1',
      'p#org:42',
      'ünïcødé 🙂',
      'x'.repeat(500),
      ...Array.from({ length: 50 }, (_, i) => `k${i}`),
    ]
    const said = await Promise.all(keys.map((key) => server.command('CLUSTER', 'KEYSLOT', key)))
    expect(keys.map(keySlot)).toEqual(said)
  })
})
