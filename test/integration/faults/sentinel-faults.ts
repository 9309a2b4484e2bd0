import { RedisSentinel } from '../../support/redis-sentinel.ts'
import type { RedisServer } from '../../support/redis-server.ts'
import type { Fault, Ground } from './fault.ts'
import { asUser, userArgs } from './server-ground.ts'

/** A master, its replica, and who watches over them. */
export class SentinelGround implements Ground {
  dead: RedisServer | undefined

  private constructor(readonly sentinel: RedisSentinel) {}

  static async open(): Promise<SentinelGround> {
    return new SentinelGround(await RedisSentinel.start({ args: userArgs() }))
  }

  get where() {
    return { url: asUser(this.sentinel.url) }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.sentinel[Symbol.asyncDispose]()
  }
}

const open = () => SentinelGround.open()

export const sentinelFaults: readonly Fault<SentinelGround>[] = [
  {
    open,
    name: 'a failover that an operator asks for',
    async apply({ sentinel }, play) {
      await play.untilServed(['acknowledged'])
      await sentinel.failover()
      // The old master may still acknowledge it, and will forget it.
      await play.invalidate('acknowledged')
    },
    heal: ({ sentinel }) => sentinel.settled(),
    loss: 'told',
    costMs: 0,
  },
  {
    open,
    name: 'the master killed; its replica takes over',
    async apply(ground) {
      ground.dead = await ground.sentinel.killMaster()
    },
    heal: ({ sentinel, dead }) => sentinel.waitForNewMaster(dead as RedisServer),
    loss: 'told',
    costMs: 0,
  },
]
