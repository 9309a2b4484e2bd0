import { afterAll, beforeAll, expect, test } from 'vitest'
import { SCRIPTS } from '../../src/redis/scripts.ts'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { type CommandHistory, commandHistory, type Given, newerThan } from './floor/command-history.ts'
import { drive } from './floor/drive.ts'
import { record } from './floor/monitor.ts'

/** The oldest Redis that is promised to do. */
const FLOOR = '6.2.0'

/** Beside `call` and `pcall`, functions for scripts came later, as did a first line with flags. We need none of them. */
const NEW_IN_LUA = /^#!|\b(?:redis|server)\.(?!p?call\b)\w+/

/** What a script may call, also where it did not come to that, with the options that it spells out. */
function calledBy(script: string): Given[] {
  const calls = [...script.matchAll(/redis\.p?call\(([^)]*)\)/g)]
  return calls.map(([, args]) => [...String(args).matchAll(/'(\w+)'/g)].map(([, word]) => String(word)))
}

describeRedis('the oldest Redis that is promised', () => {
  let server: RedisServer
  /** Of a server that is too old to tell, there is none: what is too new for it, it refuses. */
  let history: CommandHistory | undefined
  beforeAll(async () => {
    server = await RedisServer.start({ password: 'floor' })
    history = await commandHistory(server)
  })
  afterAll(() => server[Symbol.asyncDispose]())

  const tooNew = (given: readonly Given[], known: CommandHistory) => [
    ...new Set(given.flatMap((command) => newerThan(FLOOR, command, known))),
  ]

  test('knows every command, option and script by which a cache does all that it can', async () => {
    const { given, errors } = await record(server, (monitor) => drive(server, monitor))
    const scripts = given.flatMap(([name, script]) => (name === 'eval' && script !== undefined ? [script] : []))
    // Else there is something that the cache was not made to do.
    expect(new Set(scripts)).toEqual(new Set(Object.values(SCRIPTS)))
    expect(scripts.filter((script) => NEW_IN_LUA.test(script))).toEqual([])
    // A client may ask for a script by its hash before it sends it.
    expect(errors.filter((code) => code !== 'NOSCRIPT')).toEqual([])
    if (history) expect(tooNew([...given, ...scripts.flatMap(calledBy)], history)).toEqual([])
  })

  const sent = (command: string) => {
    const [name, ...args] = command.split(' ') as [string, ...string[]]
    return server.command(name, ...args)
  }

  test.each([
    ['a command', 'SPUBLISH channel message', 'SPUBLISH since 7.0.0'],
    ['an option', 'EXPIRE k 10 GT', 'EXPIRE GT since 7.0.0'],
    ['an option in small letters', 'expire k 10 gt', 'EXPIRE GT since 7.0.0'],
    ['old options that could not stand together', 'SET k v NX GET', 'SET Allowed the `NX` and `GET` options'],
    ['what MONITOR is silent about', 'CLIENT NO-EVICT OFF', 'CLIENT NO-EVICT since 7.0.0'],
    ['what a script calls', "EVAL redis.call('PEXPIRE',KEYS[1],9,'XX') 1 k", 'PEXPIRE XX since 7.0.0'],
  ])('would show as too new: %s', async (_what, command, shown) => {
    const outcome = { refused: false }
    const { given } = await record(server, async () => {
      await sent(command).catch(() => {
        outcome.refused = true
      })
    })
    expect(outcome.refused).toBe(history === undefined)
    if (history) expect(tooNew(given, history)).toEqual([expect.stringContaining(shown)])
  })

  test.each(['SET k v PX 10 GET', 'GETEX k PERSIST', 'CLIENT TRACKING OFF'])('knows %s', async (command) => {
    const { given, errors } = await record(server, () => sent(command))
    expect(errors).toEqual([])
    if (history) expect(tooNew(given, history)).toEqual([])
  })

  test('is no newer than the server at hand: what that one does not know is an error', async () => {
    const { errors } = await record(server, () => sent('UNKNOWN k').catch(() => {}))
    expect(errors).toEqual(['ERR'])
  })
})
