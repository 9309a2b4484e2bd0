import { expect, test } from 'vitest'
import { sleep } from '../../support/real-time.ts'
import { describeRedis } from '../../support/redis-available.ts'
import { blackHole, down, type Fault, hold, latency, trickle, truncate, up } from '../../support/tcp-proxy.ts'
import { describeFaults } from './describe-faults.ts'
import { NetworkGround } from './network-faults.ts'
import { Traffic } from './traffic.ts'

describeFaults('network')

describeRedis('over a network that goes wrong in one way after the other', () => {
  const ways: [string, () => Fault][] = [
    ['commands late', () => up(latency(300))],
    ['replies late', () => down(latency(300))],
    ['commands lost', () => up(blackHole())],
    ['replies lost, to commands that are carried out', () => down(blackHole())],
    ['commands held, and carried out at the end', () => up(hold())],
    ['replies held', () => down(hold())],
    ['commands cut off', () => up(truncate(700))],
    ['replies cut off', () => down(truncate(500))],
    ['replies in small pieces', () => down(trickle(3, 5))],
  ]

  test('two processes are never served what has been invalidated', { timeout: 60_000 }, async () => {
    await using ground = await NetworkGround.open()
    const traffic = new Traffic(ground.where)
    const found: string[] = []
    for (const [way, make] of ways) {
      const before = traffic.failures.length
      ground.proxy.apply(make())
      await sleep(300)
      ground.proxy.heal()
      await sleep(200)
      found.push(...traffic.failures.slice(before).map((failure) => `${way}: ${failure}`))
    }
    await traffic.end()
    expect([...found, ...traffic.failures]).toEqual([])
    expect(traffic.runs).toBeLessThan(traffic.answers * 0.9)
  })
})
