import type { Clock } from '../clock.ts'
import { withDeadline } from '../deadline.ts'
import { type DecodedEntry, decodeEntry, type EntryHeader, encodeEntry, entryHead, HEAD_LENGTH } from '../entry.ts'
import { CacheTroubleError } from '../errors.ts'
import { keptPacking } from '../packing.ts'
import type { RedisClient } from '../redis/client.ts'
import { coalesceStamps } from '../redis/coalesce-stamps.ts'
import { compress, expandAll, type Sent } from '../redis/compress.ts'
import { DEFERRED, type Journal } from '../redis/journal.ts'
import { Leftovers } from '../redis/leftovers.ts'
import { carryOut, removeKeys, restamp } from '../redis/removals.ts'
import { Repeats } from '../redis/repeats.ts'
import { Replay } from '../redis/replay.ts'
import { runScript } from '../redis/scripts.ts'
import type { ServerClock } from '../redis/server-clock.ts'
import type { Reply, Topology } from '../redis/topology.ts'
import { decodeStamp, type FoundStamp, newStamp } from '../stamps.ts'
import type { Acquired, Draft, Driver, Election, State } from './driver.ts'

export interface RedisDriverOptions {
  readonly topology: Topology
  readonly journal: Journal
  readonly serverClock: ServerClock
  readonly clock: Clock
  readonly commandTimeoutMs: number
  /** No compressed value may expand to more. */
  readonly maxValueBytes: number
  /** Of what is read copies are kept elsewhere: nothing has to be known here of what has been read before. */
  readonly keepsCopies: boolean
  /** Everything that was deferred has been carried out: so many removals. */
  readonly onReplayed: (count: number) => void
}

const ABSENT: State = Object.freeze({ kind: 'absent' })
const FOREIGN: State = Object.freeze({ kind: 'foreign' })
/** How long it is tried at the very end to carry out what was deferred. */
const LAST_TRY_MS = 400
const LEASE_HEAD = entryHead('lease', '')
/** How long leases are left behind, at most: as long as they stand, or a little longer. */
const LEFT_MS = 10_000
const COUNTER = /^-?\d{1,19}$/

export interface RedisDriver extends Driver {
  /**
   * For when the store is there (again): carries out what is noted, now and again until nothing is left, and gives back
   * leases that were left behind. What is still to be removed is not served meanwhile.
   */
  replay(): void
}

/** Entries in Redis 6.2 or later, one or a cluster, or what speaks its protocol. */
export function redisDriver(options: RedisDriverOptions): RedisDriver {
  const { topology, journal, serverClock, commandTimeoutMs } = options
  const run: Topology['run'] = (...command) => topology.run(...command)
  const stampAt = coalesceStamps((key, ttlMs) => ensureStamp(topology, key, ttlMs))
  const repeats = options.keepsCopies ? undefined : new Repeats()
  const leftovers = new Leftovers(options.clock)
  const replay = new Replay({ ...options, carryOut: (removal) => carryOut(topology, removal) })

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
  const encodeDraft = ({ id, body, ttlMs, keepMs, loadMs, version, stamps }: Draft, { data, compression }: Sent) => {
    const rest = { loadMs, version, stamps, encoding: body.encoding, compression }
    return encodeEntry(header('value', id, ttlMs, rest, keepMs), data)
  }
  const encodeLease = (token: string, leaseMs: number, optimistic: boolean) =>
    encodeEntry(header('lease', token, leaseMs, { optimistic }), '')

  return {
    name: 'redis',
    packing: keptPacking('clone'),
    time: () => serverClock.now(),

    away: (key) => topology.away(key),

    async look(key) {
      const pttl = run(key, 'PTTL', (client) => client.call('PTTL', key))
      const [[reply = null], ttl] = await Promise.all([topology.read([key]), pttl])
      return {
        state: journal.covers(key) ? DEFERRED : toState(reply),
        ttlMs: Number(ttl) < 0 ? undefined : Number(ttl),
      }
    },

    async readMany(keys) {
      // Asked before, too: what is carried out meanwhile may be known to have been before what was read earlier is here.
      const covered = journal.size > 0 ? keys.map((key) => journal.covers(key)) : undefined
      const replies = await topology.read(keys)
      if (serverClock.due) topology.recheck(keys[0] as string).catch(() => {})
      const isCovered = (i: number) => covered?.[i] || journal.covers(keys[i] as string)
      let isNew = false
      const states = replies.map((reply, i): State => {
        if (isCovered(i)) return DEFERRED
        const known = repeats?.find(keys[i] as string, reply)
        isNew ||= known === undefined
        return known ?? toState(reply)
      })
      if (!isNew) return states
      const expanded = expandAll(states, options.maxValueBytes)
      const whole = expanded instanceof Promise ? await expanded : expanded
      for (let i = 0; i < whole.length; i++) repeats?.add(keys[i] as string, replies[i] as Reply, whole[i] as State)
      return whole
    },

    acquire: (key, { token, leaseMs, over = '', spentMs = 0 }) => {
      const leases = [encodeLease(token, leaseMs, false), encodeLease(token, leaseMs, true)] as const
      const send = (client: RedisClient) =>
        runScript<Acquired>(client, 'cachewellAcquire', key, ...leases, leaseMs, over)
      // What reading has taken is taken off: together they may hold up a call for one timeout, and little more.
      const timeoutMs = Math.max(commandTimeoutMs / 5, commandTimeoutMs - spentMs)
      return orLeft(run(key, 'acquire', send, timeoutMs), key, entryHead('lease', token))
    },

    async commit(key, head, draft) {
      // Before the journal is looked at, since it may take some time.
      const compressing = compress(draft)
      const sent = compressing instanceof Promise ? await compressing : compressing
      // It would go through, since what it has to find has not been removed yet.
      if (journal.covers(key)) return false
      const send = (client: RedisClient) =>
        runScript<number>(client, 'cachewellCommit', key, head, encodeDraft(draft, sent), draft.keepMs)
      return (await orLeft(run(key, 'commit', send), key, head)) === 1
    },

    renew: (key, token, leaseMs) =>
      run(key, 'renew', async (client) => {
        return (await runScript<number>(client, 'cachewellRenew', key, entryHead('lease', token), leaseMs)) === 1
      }),

    release(key, token, passMs) {
      const head = entryHead('lease', token)
      const send = async (client: RedisClient) => {
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
      }
      return orLeft(run(key, 'release', send), key, head)
    },

    async put(items) {
      const write = ({ key, draft }: { key: string; draft: Draft }) => {
        const send = (sent: Sent) =>
          run(key, 'SET', (client) => client.set(key, encodeDraft(draft, sent), 'PX', draft.keepMs))
        const sent = compress(draft)
        return sent instanceof Promise ? sent.then(send) : send(sent)
      }
      const outcomes = await Promise.allSettled(items.map(write))
      const failed = outcomes.filter((outcome) => outcome.status === 'rejected')
      if (failed.length === 0) return items.length
      // A SET that was sent and not answered may still be carried out, after an invalidation even: it has to be undone.
      const sent = outcomes.flatMap((outcome, i) =>
        outcome.status === 'rejected' && mayHaveRun(outcome.reason) ? [(items[i] as { key: string }).key] : [],
      )
      for (const key of sent) {
        journal.add({ key })
        topology.reset(key)
      }
      if (sent.length > 0) replay.start()
      throw (failed[0] as PromiseRejectedResult).reason
    },

    async invalidate(removal, sweep) {
      const removed = await carryOut(topology, removal, sweep)
      // What was stopped must not be carried out after all when the server has forgotten something.
      if (!sweep?.stopped) journal.acknowledge(removal)
      return removed
    },

    remove: (keys, mode) => removeKeys(topology, keys, mode),
    retract: async (key, head) =>
      (await run(key, 'retract', (client) => runScript<number>(client, 'cachewellRelease', key, head))) === 1,
    scan: (glob, looked) => topology.scan(glob, looked),

    defer(removal) {
      journal.add(removal)
      replay.start()
    },

    increment: async (key, by, ttlMs) => {
      if (journal.covers(key)) throw DEFERRED.error
      return run(key, 'increment', (client) => runScript<number>(client, 'cachewellIncrement', key, by, ttlMs))
    },

    stamps: (keys, ttlMs) => Promise.all(keys.map((key) => stampAt(key, ttlMs))),
    restamp: (key, mode) => restamp(topology, key, mode),

    elect: (key, token, ms) =>
      run(key, 'elect', (client) =>
        runScript<Election>(client, 'cachewellElect', key, encodeLease(token, ms, false), ms),
      ),

    async resign(key, token, pauseMs) {
      const head = entryHead('lease', token)
      await run(key, 'resign', (client) =>
        pauseMs === undefined
          ? runScript(client, 'cachewellRelease', key, head)
          : runScript(client, 'cachewellCommit', key, head, encodeEntry(header('pass', token, pauseMs), ''), pauseMs),
      )
    },

    watch: (key) => topology.watch(key),

    replay() {
      replay.wake()
      const release = (key: string, head: string) =>
        run(key, 'release', (client) => runScript(client, 'cachewellRelease', key, head))
      void leftovers.clear(release)
    },

    async close() {
      replay.end()
      if (journal.size > 0) {
        const lastTry = journal.replay((removal) => carryOut(topology, removal))
        await withDeadline(lastTry, LAST_TRY_MS, 'what was deferred', options.clock).catch(() => {})
      }
      repeats?.clear()
      await topology.close()
      return journal.size
    },
  }

  /** After a failure a lease may stand that nobody uses. */
  async function orLeft<T>(command: Promise<T>, key: string, head: string): Promise<T> {
    try {
      return await command
    } catch (error) {
      const isLocal = error instanceof CacheTroubleError && error.local
      if (head.startsWith(LEASE_HEAD) && !isLocal) leftovers.add(key, head, LEFT_MS)
      throw error
    }
  }
}

async function ensureStamp(topology: Topology, key: string, ttlMs: number): Promise<FoundStamp> {
  const [text, made, now] = await topology.run(key, 'stamp', (client) =>
    runScript<[string, number, number]>(client, 'cachewellStamp', key, newStamp(0).id, ttlMs),
  )
  const stamp = decodeStamp(text)
  if (!stamp) throw new CacheTroubleError('WRONGTYPE', 'something else stands where the stamp of a tag should', true)
  return { ...stamp, made: made === 1, now }
}

/** Failures before anything was sent are the connection's own words; everything else may have reached the server. */
function mayHaveRun(error: unknown): boolean {
  return (
    error instanceof CacheTroubleError &&
    (error.code === 'TIMEOUT' || error.code === 'ERROR' || error.code === 'ECONNRESET')
  )
}

/** What was found at one key. */
function toState(reply: Reply): State {
  if (reply instanceof Error) return reply.code === 'WRONGTYPE' ? FOREIGN : { kind: 'error', error: reply }
  // MGET calls a key of another type absent; acquire tells it apart.
  return reply === null ? ABSENT : decodeReply(reply)
}

function decodeReply(bytes: Buffer): State {
  // ioredis-mock answers with the object where Redis would say that the type is wrong.
  if (!Buffer.isBuffer(bytes)) return FOREIGN
  const entry = decodeEntry(bytes)
  if (!entry) return decodeShort(bytes)
  const { header, size } = entry
  if (header.kind !== 'value') return { kind: header.kind, header } as State
  return { kind: 'value', header, body: { encoding: header.encoding, data: dataOf(entry), size: HEAD_LENGTH + size } }
}

/** A payload that was cut short is data that nobody can unpack; its header still says what may be replaced. */
function dataOf(entry: DecodedEntry): string | Buffer | undefined {
  if (!entry.intact) return undefined
  // A text is made at once: a view of the bytes, of which it would be made later, takes longer to make than it does.
  return entry.header.encoding === 'custom' || entry.header.compression ? entry.payload : entry.text
}

/** What is not an entry, but ours all the same. */
function decodeShort(bytes: Buffer): State {
  const text = bytes.byteLength <= 64 ? bytes.toString('latin1') : ''
  const stamp = decodeStamp(text)
  if (stamp) return { kind: 'stamp', stamp }
  return COUNTER.test(text) ? { kind: 'counter', value: Number(text) } : FOREIGN
}
