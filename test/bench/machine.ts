import { arch, cpus, loadavg, platform, totalmem } from 'node:os'
import type { RedisServer } from '../support/redis-server.ts'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  readonly redis: string
  /** Over the minute before: what else was running. */
  readonly load: number
}

export async function describeMachine(redis: RedisServer): Promise<Machine> {
  const info = String(await redis.command('INFO', 'server'))
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()}`,
    node: process.versions.node,
    redis: /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown',
    load: loadavg()[0] ?? 0,
  }
}

export const machineLine = ({ cpu, cores, memoryGiB, system, node, redis, load }: Machine): string =>
  `${cores} x ${cpu}, ${memoryGiB} GiB, ${system}, Node ${node}, Redis ${redis} on loopback; load before: ${load.toFixed(1)}`
