import { mkdirSync, rmdirSync } from 'node:fs'
import { likelyPort } from '../../support/likely-port.ts'
import { sleep } from '../../support/real-time.ts'
import { until } from '../../support/until.ts'
import type { Fault } from './fault.ts'
import { type Play, PREFIX, PRIVATE } from './play.ts'
import { ServerGround } from './server-ground.ts'
import { Traffic } from './traffic.ts'

const plain = { open: () => ServerGround.open() }
const nothing = async () => {}

const infoOf = async ({ server }: ServerGround, section: string) => String(await server.command('INFO', section))
const killClients = ({ operator }: ServerGround) =>
  operator.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
const app = ({ operator }: ServerGround, ...rules: string[]) => operator.command('ACL', 'SETUSER', 'app', ...rules)
const config = ({ operator }: ServerGround, name: string, value: string | number) =>
  operator.command('CONFIG', 'SET', name, value)

/** An invalidation that the server has acknowledged, and will have forgotten. */
async function acknowledged(play: Play): Promise<void> {
  const { deferred } = await play.invalidate('acknowledged')
  if (deferred) throw new Error('It was not acknowledged')
}

/** While it goes on, two processes call and invalidate. Other entries are looked at when it is over. */
async function underLoad(ground: ServerGround, disturb: () => Promise<unknown>): Promise<void> {
  const traffic = new Traffic(ground.where)
  await until(() => traffic.answers > 50, { timeoutMs: 10_000 })
  const { answers, runs } = traffic
  while (traffic.answers < answers + 1_000) {
    await disturb()
    await sleep(10)
  }
  const served = 1 - (traffic.runs - runs) / (traffic.answers - answers)
  await traffic.end()
  if (traffic.failures.length > 0) throw new Error(traffic.failures.slice(0, 5).join('\n'))
  if (served < 0.2) throw new Error(`Only ${served} of the calls were served: that proves little`)
}

/** As a full server would: whatever it comes upon, of a load that is under way too. */
async function evict({ operator }: ServerGround): Promise<void> {
  for (let i = 0; i < 3; i++) {
    const key = (await operator.command('RANDOMKEY')) as string | null
    if (key?.startsWith(`${PREFIX}:traffic`)) await operator.command('UNLINK', key)
  }
}

export const serverFaults: readonly Fault<ServerGround>[] = [
  {
    ...plain,
    name: 'killed: connections are refused; back empty',
    apply: ({ server }) => server.kill(),
    heal: ({ server }) => server.restart(),
    loss: 'told',
    lasting: /ECONNREFUSED/,
    costMs: 0,
    // So long that it is looked for as seldom as it ever is.
    forMs: 3_500,
  },
  {
    name: 'killed; back with all that it had (AOF)',
    open: () => ServerGround.open({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] }),
    apply: ({ server }) => server.kill(),
    heal: ({ server }) => server.restart(),
    loss: 'told',
    lasting: /ECONNREFUSED/,
    costMs: 0,
  },
  {
    ...plain,
    name: 'killed; back with a snapshot from before an invalidation',
    async apply({ server }, play) {
      await play.untilServed(['acknowledged'])
      await server.command('SAVE')
      await acknowledged(play)
      await server.kill()
    },
    heal: ({ server }) => server.restart(),
    loss: 'told',
    lasting: /ECONNREFUSED/,
    costMs: 0,
  },
  {
    ...plain,
    name: 'restarted in no time',
    apply: ({ server }) => server.restart(),
    heal: nothing,
    loss: 'told',
    costMs: 0,
  },
  {
    ...plain,
    name: 'hung (SIGSTOP)',
    apply: async ({ server }) => server.pause(),
    heal: async ({ server }) => server.resume(),
    loss: 'found out',
    lasting: /a probe took longer/,
    costMs: 300,
  },
  {
    name: 'loading its data (LOADING)',
    // The delay is in µs for each key, and each is large enough for the server to look at its clients after it.
    open: () =>
      ServerGround.open({
        args: [
          '--key-load-delay',
          '20000',
          '--loading-process-events-interval-bytes',
          '1024',
          '--rdbcompression',
          'no',
        ],
      }),
    async apply(ground) {
      const { server } = ground
      await server.command('EVAL', `for i = 1, 400 do redis.call('SET', i, string.rep('x', 1100)) end`, 0)
      await server.command('SAVE')
      await server.kill()
      ground.restarted = server.restart()
      ground.restarted.catch(() => {})
      await until(async () => (await infoOf(ground, 'persistence')).includes('loading:1'))
    },
    async heal(ground) {
      await ground.server.command('CONFIG', 'SET', 'key-load-delay', 0)
      await ground.restarted
    },
    loss: 'told',
    lasting: /LOADING/,
    costMs: 0,
  },
  {
    ...plain,
    name: 'full, and told to evict nothing (OOM)',
    apply: (ground) => config(ground, 'maxmemory', 1),
    heal: (ground) => config(ground, 'maxmemory', 0),
    loss: 'none',
    costMs: 0,
  },
  {
    ...plain,
    name: 'made a replica (READONLY)',
    apply: ({ server }) => server.command('REPLICAOF', '127.0.0.1', likelyPort()),
    heal: ({ server }) => server.command('REPLICAOF', 'NO', 'ONE'),
    loss: 'found out',
    lasting: /this is a replica/,
    costMs: 0,
  },
  {
    name: 'cannot write its snapshots (MISCONF)',
    open: () => ServerGround.open({ args: ['--dbfilename', 'taken', '--save', '3600 1'] }),
    async apply(ground) {
      mkdirSync(await ground.snapshotPath())
      await ground.server.command('BGSAVE')
      await until(async () => (await infoOf(ground, 'persistence')).includes('rdb_last_bgsave_status:err'))
    },
    async heal(ground) {
      rmdirSync(await ground.snapshotPath())
      await ground.server.command('BGSAVE')
      await until(async () => (await infoOf(ground, 'persistence')).includes('rdb_last_bgsave_status:ok'))
    },
    loss: 'none',
    costMs: 0,
  },
  {
    name: 'wants a password all of a sudden (NOAUTH)',
    open: () => ServerGround.open({}, (url) => url),
    async apply(ground) {
      await config(ground, 'requirepass', PRIVATE.password)
      await killClients(ground)
    },
    heal: (ground) => config(ground, 'requirepass', ''),
    loss: 'told',
    lasting: /NOAUTH/,
    costMs: 0,
  },
  {
    ...plain,
    name: 'has another password (WRONGPASS)',
    async apply(ground) {
      await app(ground, 'resetpass', '>another')
      await killClients(ground)
    },
    heal: (ground) => app(ground, `>${PRIVATE.password}`),
    loss: 'told',
    lasting: /WRONGPASS/,
    costMs: 0,
  },
  {
    ...plain,
    name: 'forbids scripts (NOPERM)',
    apply: (ground) => app(ground, '-eval', '-evalsha'),
    heal: (ground) => app(ground, '+eval', '+evalsha'),
    loss: 'none',
    costMs: 0,
  },
  {
    ...plain,
    name: 'forbids our keys (NOPERM)',
    apply: (ground) => app(ground, 'resetkeys'),
    heal: (ground) => app(ground, `~${PREFIX}*`),
    loss: 'none',
    costMs: 0,
  },
  {
    ...plain,
    name: 'has forgotten the scripts (SCRIPT FLUSH)',
    apply: ({ server }) => server.command('SCRIPT', 'FLUSH'),
    heal: nothing,
    loss: 'none',
    costMs: 0,
  },
  {
    ...plain,
    name: 'busy with somebody’s endless script (BUSY)',
    async apply(ground) {
      await config(ground, 'lua-time-limit', 50)
      ground.operator.command('EVAL', 'while true do end', 0).catch(() => {})
      await until(async () => /BUSY/.test(String(await ground.server.command('PING').catch(String))))
    },
    heal: ({ server }) => server.command('SCRIPT', 'KILL'),
    loss: 'found out',
    lasting: /BUSY/,
    costMs: 0,
  },
  {
    ...plain,
    name: 'cuts off who is sent too much (client-output-buffer-limit)',
    apply: (ground) => config(ground, 'client-output-buffer-limit', 'normal 100kb 0 0'),
    heal: (ground) => config(ground, 'client-output-buffer-limit', 'normal 0 0 0'),
    loss: 'found out',
    costMs: 0,
    payloadBytes: 400_000,
  },
  {
    ...plain,
    name: 'has no room for another client (maxclients)',
    async apply(ground) {
      await config(ground, 'maxclients', 1)
      await killClients(ground)
    },
    heal: (ground) => config(ground, 'maxclients', 10_000),
    loss: 'told',
    lasting: /max number of clients/,
    costMs: 0,
  },
  {
    ...plain,
    name: 'cuts the connection (CLIENT KILL)',
    apply: killClients,
    heal: nothing,
    loss: 'told',
    costMs: 0,
  },
  {
    ...plain,
    name: 'answers nobody for a while (CLIENT PAUSE)',
    apply: ({ operator }) => operator.command('CLIENT', 'PAUSE', 2_500),
    // Not even the operator who would take it back.
    heal: ({ operator }) => operator.command('PING'),
    loss: 'found out',
    costMs: 300,
  },
  {
    ...plain,
    name: 'holds up writes (CLIENT PAUSE … WRITE)',
    apply: ({ operator }) => operator.command('CLIENT', 'PAUSE', 60_000, 'WRITE'),
    heal: ({ operator }) => operator.command('CLIENT', 'UNPAUSE'),
    loss: 'found out',
    costMs: 300,
  },
  {
    ...plain,
    name: 'flushed again and again, under load (FLUSHALL)',
    apply: (ground) => underLoad(ground, () => ground.operator.command('FLUSHALL')),
    heal: nothing,
    loss: 'none',
    costMs: 0,
  },
  {
    ...plain,
    name: 'evicts leases, stamps and values, under load',
    apply: (ground) => underLoad(ground, () => evict(ground)),
    heal: nothing,
    loss: 'none',
    costMs: 0,
  },
]
