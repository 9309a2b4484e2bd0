import type { Clock } from '../clock.ts'
import { withDeadline } from '../deadline.ts'
import { decodeEntry, type EntryHeader, encodeEntry, entryHead, HEAD_LENGTH, newId } from '../entry.ts'
import { CacheTroubleError } from '../errors.ts'
import { wirePacking } from '../packing.ts'
import type { ClientRecipe, RedisClient } from '../redis/client.ts'
import { Connection, type ConnectionOptions } from '../redis/connection.ts'
import { Journal } from '../redis/journal.ts'
import { runScript } from '../redis/scripts.ts'
import { ServerClock } from '../redis/server-clock.ts'
import { type WakeupOptions, Wakeups } from '../redis/wakeups.ts'
import { decodeStamp, type FoundStamp, newStamp, stampTtl } from '../stamps.ts'
import type { Acquired, Draft, Driver, Election, InvalidationMode, Removal, State } from './driver.ts'

export interface RedisDriverOptions {
  readonly recipe: ClientRecipe
  readonly secrets: readonly string[]
  readonly commandTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly clock: Clock
  readonly onState: ConnectionOptions['onState']
  /** Globs that match all that this cache owns. */
  readonly everything: readonly string[]
  /** What its keys begin with. */
  readonly scope: string
  readonly onUnsupported: WakeupOptions['onUnsupported']
}

/** How a command gets to the server: over the standing connection, or on one that is just being prepared. */
type Run = <T>(command: string, send: (client: RedisClient) => Promise<T>, timeoutMs?: number) => Promise<T>

const ABSENT: State = Object.freeze({ kind: 'absent' })
const FOREIGN: State = Object.freeze({ kind: 'foreign' })
const COUNTER = /^-?\d{1,19}$/
const SCAN_COUNT = 1_000
/** An invalidation may take longer than a read: nobody is served meanwhile. */
const REMOVE_TIMEOUT_MS = 1_000

/** Entries in one Redis 6.2 or later, or a server that speaks its protocol. */
export function redisDriver(options: RedisDriverOptions): Driver {
  const { clock, commandTimeoutMs } = options
  const serverClock = new ServerClock(clock)
  const journal = new Journal(options.everything)
  const wakeups = new Wakeups(options)

  const connection = new Connection({
    ...options,
    async prepare(client) {
      // TIME is answered even while Redis loads its data; PING is not, and nothing else would be.
      await Promise.all([serverClock.measure(client), client.ping()])
      const run: Run = (command, send, ms = REMOVE_TIMEOUT_MS) => withDeadline(send(client), ms, command, clock)
      await journal.replay((removal) => carryOut(run, removal))
    },
    // Noted when the replay was over and the connection not yet in use.
    unprepared: () => journal.size > 0,
  })
  const run: Run = (command, send, ms) => connection.run(command, send, ms)

  const header = (
    kind: EntryHeader['kind'],
    id: string,
    ttlMs: number,
    rest: Partial<EntryHeader> = {},
    keepMs = ttlMs,
  ): EntryHeader => {
    const createdAt = serverClock.now()
    const times = { createdAt, softExpiresAt: createdAt + ttlMs, hardExpiresAt: createdAt + keepMs, loadMs: 0 }
    return { kind, id, ...times, encoding: 'json', optimistic: false, expired: false, version: '', stamps: [], ...rest }
  }
  const encodeDraft = ({ id, body, ttlMs, keepMs, loadMs, version, stamps }: Draft) =>
    encodeEntry(
      header('value', id, ttlMs, { loadMs, version, stamps, encoding: body.encoding }, keepMs),
      body.data as string,
    )
  const encodeLease = (token: string, leaseMs: number, optimistic: boolean) =>
    encodeEntry(header('lease', token, leaseMs, { optimistic }), '')

  return {
    name: 'redis',
    packing: wirePacking,
    time: () => serverClock.now(),

    async readMany(keys) {
      const states = await readStates(run, keys)
      if (serverClock.due) run('TIME', (client) => serverClock.measure(client)).catch(() => {})
      return states
    },

    acquire: (key, { token, leaseMs, over = '' }) =>
      run('acquire', (client) => {
        const leases = [encodeLease(token, leaseMs, false), encodeLease(token, leaseMs, true)] as const
        return runScript<Acquired>(client, 'cachewellAcquire', key, ...leases, leaseMs, over)
      }),

    commit: (key, head, draft) =>
      run('commit', async (client) => {
        const entry = encodeDraft(draft)
        return (await runScript<number>(client, 'cachewellCommit', key, head, entry, draft.keepMs)) === 1
      }),

    renew: (key, token, leaseMs) =>
      run('renew', async (client) => {
        return (await runScript<number>(client, 'cachewellRenew', key, entryHead('lease', token), leaseMs)) === 1
      }),

    release: (key, token, passMs) =>
      run('release', async (client) => {
        const head = entryHead('lease', token)
        // A pass marker takes the lease's place just as a value would.
        const released =
          passMs === undefined
            ? runScript<number>(client, 'cachewellRelease', key, head)
            : runScript<number>(
                client,
                'cachewellCommit',
                key,
                head,
                encodeEntry(header('pass', token, passMs), ''),
                passMs,
              )
        return (await released) === 1
      }),

    async put(items) {
      const write = ({ key, draft }: { key: string; draft: Draft }) =>
        run('SET', (client) => client.set(key, encodeDraft(draft), 'PX', draft.keepMs))
      const outcomes = await Promise.allSettled(items.map(write))
      const failed = outcomes.filter((outcome) => outcome.status === 'rejected')
      if (failed.length === 0) return items.length
      // A SET that was sent and not answered may still be carried out, after an invalidation even: it has to be undone.
      const sent = outcomes.flatMap((outcome, i) =>
        outcome.status === 'rejected' && mayHaveRun(outcome.reason) ? [(items[i] as { key: string }).key] : [],
      )
      for (const key of sent) journal.add({ key })
      if (sent.length > 0) connection.reset()
      throw (failed[0] as PromiseRejectedResult).reason
    },

    remove: (keys, mode) => removeKeys(run, keys, mode),
    retract: (key, head) =>
      run('retract', async (client) => (await runScript<number>(client, 'cachewellRelease', key, head)) === 1),
    scan: (glob) => scanKeys(run, glob),

    defer(removal) {
      journal.add(removal)
      // What is journalled is carried out before anything is served again, so this connection must not serve.
      connection.reset()
    },

    increment: (key, by, ttlMs) =>
      run('increment', (client) => runScript<number>(client, 'cachewellIncrement', key, by, ttlMs)),

    stamps: (keys, ttlMs) => Promise.all(keys.map((key) => ensureStamp(run, key, ttlMs))),
    restamp: (key, mode) => restamp(run, key, mode),

    elect: (key, token, ms) =>
      run('elect', (client) => runScript<Election>(client, 'cachewellElect', key, encodeLease(token, ms, false), ms)),

    async resign(key, token, pauseMs) {
      const head = entryHead('lease', token)
      await run('resign', (client) =>
        pauseMs === undefined
          ? runScript(client, 'cachewellRelease', key, head)
          : runScript(client, 'cachewellCommit', key, head, encodeEntry(header('pass', token, pauseMs), ''), pauseMs),
      )
    },

    watch: (key) => wakeups.watch(key),

    async close() {
      await wakeups.close()
      await connection.close()
      return journal.size
    },
  }

  async function carryOut(using: Run, removal: Removal): Promise<void> {
    const { mode } = removal
    if ('key' in removal) await removeKeys(using, [removal.key], mode)
    else if ('stamp' in removal) await restamp(using, removal.stamp, mode)
    else for await (const keys of scanKeys(using, removal.glob)) await removeKeys(using, keys, mode)
  }

  async function readStates(using: Run, keys: readonly string[]): Promise<readonly State[]> {
    if (keys.length === 1) return [await readOne(using, keys[0] as string)]
    try {
      const replies = await using('MGET', (client) => client.mgetBuffer(keys), commandTimeoutMs)
      return replies.map(toState)
    } catch (error) {
      // One key that may not be read fails the whole command: its neighbours are asked for on their own.
      if (!(error instanceof CacheTroubleError) || !error.local) throw error
      return Promise.all(
        keys.map((key) => readOne(using, key).catch((error: Error): State => ({ kind: 'error', error }))),
      )
    }
  }

  async function readOne(using: Run, key: string): Promise<State> {
    try {
      return toState(await using('GET', (client) => client.getBuffer(key), commandTimeoutMs))
    } catch (error) {
      // MGET calls a key of another type absent; GET is told apart here, and acquire tells it for both.
      if (error instanceof CacheTroubleError && error.code === 'WRONGTYPE') return FOREIGN
      throw error
    }
  }
}

async function ensureStamp(run: Run, key: string, ttlMs: number): Promise<FoundStamp> {
  const [text, made, now] = await run('stamp', (client) =>
    runScript<[string, number, number]>(client, 'cachewellStamp', key, newStamp(0).id, ttlMs),
  )
  const stamp = decodeStamp(text)
  if (!stamp) throw new CacheTroubleError('WRONGTYPE', 'something else stands where the stamp of a tag should', true)
  return { ...stamp, made: made === 1, now }
}

async function restamp(run: Run, key: string, mode: InvalidationMode = 'remove'): Promise<void> {
  const send = (client: RedisClient) => runScript(client, 'cachewellRestamp', key, newStamp(0).id, stampTtl(0), mode)
  await run('restamp', send, REMOVE_TIMEOUT_MS)
}

/** Failures before anything was sent are the connection's own words; everything else may have reached the server. */
function mayHaveRun(error: unknown): boolean {
  return (
    error instanceof CacheTroubleError &&
    (error.code === 'TIMEOUT' || error.code === 'ERROR' || error.code === 'ECONNRESET')
  )
}

async function removeKeys(run: Run, keys: readonly string[], mode?: InvalidationMode): Promise<number> {
  if (keys.length === 0) return 0
  if (mode !== 'expire') return run('UNLINK', (client) => client.unlink(keys), REMOVE_TIMEOUT_MS)
  const expire = (key: string) => (client: RedisClient) => runScript<number>(client, 'cachewellExpire', key, newId())
  const counts = await Promise.all(keys.map((key) => run('expire', expire(key), REMOVE_TIMEOUT_MS)))
  return counts.reduce((sum, count) => sum + count, 0)
}

async function* scanKeys(run: Run, glob: string): AsyncGenerator<readonly string[]> {
  let cursor = '0'
  do {
    const at = cursor
    const [next, keys] = await run(
      'SCAN',
      (client) => client.scan(at, 'MATCH', glob, 'COUNT', SCAN_COUNT),
      REMOVE_TIMEOUT_MS,
    )
    cursor = next
    if (keys.length > 0) yield keys
  } while (cursor !== '0')
}

function toState(bytes: Buffer | null): State {
  if (bytes === null) return ABSENT
  // ioredis-mock answers with the object where Redis would say that the type is wrong.
  if (!Buffer.isBuffer(bytes)) return FOREIGN
  const entry = decodeEntry(bytes)
  if (!entry) return decodeShort(bytes)
  const { header, payload, intact } = entry
  if (header.kind !== 'value') return { kind: header.kind, header } as State
  // A payload that was cut short is data that nobody can unpack; its header still says what may be replaced.
  const data = intact ? payload : undefined
  return { kind: 'value', header, body: { encoding: header.encoding, data, size: HEAD_LENGTH + payload.byteLength } }
}

/** What is not an entry, but ours all the same. */
function decodeShort(bytes: Buffer): State {
  const text = bytes.byteLength <= 64 ? bytes.toString('latin1') : ''
  const stamp = decodeStamp(text)
  if (stamp) return { kind: 'stamp', stamp }
  return COUNTER.test(text) ? { kind: 'counter', value: Number(text) } : FOREIGN
}
