import type { Fault } from './fault.ts'
import { keyOf } from './play.ts'
import { ServerGround } from './server-ground.ts'

const KEY = keyOf('cached')
/** See docs/wire-format.md. */
const [CREATED_AT, COMPRESSION_AT, PAYLOAD_AT] = [23, 75, 91]

const common = {
  open: () => ServerGround.open(),
  heal: ({ server }: ServerGround) => server.command('UNLINK', KEY),
  loss: 'none',
  costMs: 0,
} as const

/** Whatever stands there, for as long as before. */
const replace = async ({ server }: ServerGround, change: (entry: string) => string) => {
  const entry = String(await server.command('GET', KEY))
  await server.command('SET', KEY, change(entry), 'KEEPTTL')
}
const overwrite = ({ server }: ServerGround, at: number, text: string) => server.command('SETRANGE', KEY, at, text)

export const replyFaults: readonly Fault<ServerGround>[] = [
  {
    ...common,
    name: 'another type (WRONGTYPE)',
    async apply({ server }) {
      await server.command('DEL', KEY)
      await server.command('HSET', KEY, 'field', 'value')
    },
  },
  {
    ...common,
    name: 'data of somebody else',
    apply: ({ server }) => server.command('SET', KEY, '{"name":"cached","version":99}'),
  },
  {
    ...common,
    name: 'a format of the future (cw2)',
    apply: (ground) => replace(ground, (entry) => entry.replace('cw1 ', 'cw2 ')),
  },
  {
    ...common,
    name: 'a flag of the future (a compression)',
    apply: (ground) => overwrite(ground, COMPRESSION_AT, 'q'),
  },
  {
    ...common,
    name: 'a corrupt header',
    apply: (ground) => overwrite(ground, CREATED_AT, '\u0000\u0001?'),
  },
  {
    ...common,
    name: 'a corrupt payload',
    apply: (ground) => overwrite(ground, PAYLOAD_AT, '\u0000\u0001?'),
  },
  {
    ...common,
    name: 'a payload that is cut short',
    apply: (ground) => replace(ground, (entry) => entry.slice(0, -5)),
  },
]
