import type { RedisClient } from './client.ts'

/*
 * Every script touches one key, so all of them are legal in a cluster. They know of an entry only its first 22
 * characters, `cw1 <kind> <id>` (see entry.ts), and read them with GETRANGE, never the payload.
 */
export const SCRIPTS = {
  /*
   * Become the one who loads.
   * KEYS[1] entry  ARGV[1] lease  ARGV[2] lease over a pass marker  ARGV[3] ms  ARGV[4] head that may be replaced, or ''
   * Returns granted | value | leased | foreign.
   * Invariant: a value that can be served is never replaced by a lease, nor is anything that is not ours.
   */
  cachewellAcquire: `
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[3]) then return 'granted' end
local head = redis.pcall('GETRANGE', KEYS[1], 0, 21)
if type(head) ~= 'string' or string.sub(head, 1, 4) ~= 'cw1 ' then return 'foreign' end
local lease = ARGV[1]
if head ~= ARGV[4] then
  local kind = string.sub(head, 5, 5)
  if kind == 'V' then return 'value' end
  if kind == 'L' then return 'leased' end
  if kind ~= 'P' then return 'foreign' end
  lease = ARGV[2]
end
redis.call('SET', KEYS[1], lease, 'PX', ARGV[3])
return 'granted'`,

  /*
   * Store a load's result.
   * KEYS[1] entry  ARGV[1] head that must stand  ARGV[2] new entry  ARGV[3] ms
   * Returns 1 stored, 0 not.
   * Invariant: whatever has removed or replaced the head has killed the load.
   */
  cachewellCommit: `
if redis.pcall('GETRANGE', KEYS[1], 0, 21) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`,

  /*
   * Prolong a lease.
   * KEYS[1] entry  ARGV[1] head that must stand  ARGV[2] ms
   * Returns 1 prolonged, 0 lost.
   */
  cachewellRenew: `
if redis.pcall('GETRANGE', KEYS[1], 0, 21) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`,

  /*
   * Give a lease back, or remove a value that is still the one meant.
   * KEYS[1] entry  ARGV[1] head that must stand
   * Returns 1 removed, 0 lost.
   */
  cachewellRelease: `
if redis.pcall('GETRANGE', KEYS[1], 0, 21) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`,

  /*
   * Keep a value only for those whose load fails; whatever else stands there is removed.
   * KEYS[1] entry  ARGV[1] id of this write
   * Returns 1 when something was there, else 0.
   * Invariant: a value that is being renewed is not what that load has to find, and no load under way can store.
   */
  cachewellExpire: `
local line = redis.pcall('GETRANGE', KEYS[1], 0, 87)
local useful = type(line) == 'string' and #line == 88 and string.sub(line, 1, 6) == 'cw1 V '
if not useful or string.sub(line, 38, 50) == string.sub(line, 52, 64) then return redis.call('UNLINK', KEYS[1]) end
local time = redis.call('TIME')
local now = string.format('%013.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('SETRANGE', KEYS[1], 6, ARGV[1])
if string.sub(line, 38, 50) > now then redis.call('SETRANGE', KEYS[1], 37, now) end
redis.call('SETRANGE', KEYS[1], 77, 'e')
return 1`,

  /*
   * Become the one who refreshes: in a key beside the value's own, since the value goes on being served.
   * KEYS[1] election  ARGV[1] lease  ARGV[2] ms
   * Returns elected | busy | failed.
   */
  cachewellElect: `
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 'elected'
end
if redis.pcall('GETRANGE', KEYS[1], 4, 4) == 'P' then return 'failed' end
return 'busy'`,

  /*
   * The stamp of a tag, made where there is none.
   * KEYS[1] stamp  ARGV[1] id of a new one  ARGV[2] ms to keep it, of which half will do
   * Invariant: it is not touched without need, since near caches are told of every change.
   * Returns the stamp, 1 when it was made, and the server's time.
   */
  cachewellStamp: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stamp = redis.call('GET', KEYS[1])
if stamp then
  if redis.call('PTTL', KEYS[1]) * 2 < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  return { stamp, 0, now }
end
stamp = string.format('cws %s %013.0f', ARGV[1], now)
redis.call('SET', KEYS[1], stamp, 'PX', ARGV[2])
return { stamp, 1, now }`,

  /*
   * Change the stamp of a tag.
   * KEYS[1] stamp  ARGV[1] id of the new one  ARGV[2] ms to keep it  ARGV[3] remove | expire: keeps the id's first half
   * Invariant: no stamp is ever made twice, so what noted an earlier one is never valid again.
   */
  cachewellRestamp: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id = ARGV[1]
local before = ARGV[3] == 'expire' and redis.pcall('GET', KEYS[1])
if type(before) == 'string' and #before == 50 then id = string.sub(before, 5, 20) .. string.sub(id, 17) end
return redis.call('SET', KEYS[1], string.format('cws %s %013.0f', id, now), 'PX', ARGV[2])`,

  /*
   * Add to a counter.
   * KEYS[1] counter  ARGV[1] amount  ARGV[2] ms
   * Returns the new value.
   * Invariant: a counter always expires, and counting does not put that off.
   */
  cachewellIncrement: `
local value = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return value`,
} as const

type Script = keyof typeof SCRIPTS

/** Runs a script; ioredis sends EVALSHA, and EVAL where the server does not know it yet. */
export function runScript<T>(
  client: RedisClient,
  name: Script,
  key: string,
  ...args: (string | number | Buffer)[]
): Promise<T> {
  const scripts = client as unknown as Record<Script, (...args: unknown[]) => Promise<T>>
  // With its first use: a hit needs none, and preparing all of them takes longer than a read.
  if (!scripts[name]) client.defineCommand(name, { numberOfKeys: 1, lua: SCRIPTS[name] })
  return scripts[name](key, ...args)
}

/** Makes all of them known to a server. */
export async function loadScripts(client: RedisClient): Promise<void> {
  await Promise.all(Object.values(SCRIPTS).map((lua) => client.call('SCRIPT', 'LOAD', lua)))
}
