import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Certificates, makeCertificates } from './support/certificates.ts'
import { type Child, runChild } from './support/child.ts'
import { likelyPort } from './support/likely-port.ts'
import { rawCommand } from './support/raw-command.ts'
import { late, within } from './support/real-time.ts'
import { describeRedis } from './support/redis-available.ts'
import { findRedisBinary } from './support/redis-binary.ts'
import { RedisServer } from './support/redis-server.ts'
import { encodeCommand, parseReply } from './support/resp.ts'
import { until } from './support/until.ts'

vi.mock(import('./support/likely-port.ts'), async (original) => ({ likelyPort: vi.fn((await original()).likelyPort) }))

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'cachewell-support-'))
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const support = (file: string) => JSON.stringify(join(root, 'test/support', file))

describe('until', () => {
  test('returns what the condition comes to', async () => {
    let looks = 0
    expect(await until(() => ++looks === 3 && 'third', { everyMs: 1 })).toBe('third')
    expect(looks).toBe(3)
  })

  test('says what it waited for and what it saw last', async () => {
    const waiting = until(async () => 0, { label: 'a hit', timeoutMs: 30, everyMs: 5 })
    await expect(waiting).rejects.toThrow('Waited 30 ms for a hit; the last value was 0')
  })

  test('takes a throw for "not yet", and hands it on in the end', async () => {
    const cause = new Error('still starting')
    const waiting = until(() => Promise.reject(cause), { timeoutMs: 30, everyMs: 5 })
    await expect(waiting).rejects.toMatchObject({ message: expect.stringContaining('still starting'), cause })
  })

  test('ends although a look hangs', async () => {
    await expect(until(() => new Promise(() => {}), { timeoutMs: 30 })).rejects.toThrow('never came back')
  })

  test('is not frozen by fake timers', async () => {
    vi.useFakeTimers()
    try {
      let looks = 0
      expect(await until(() => ++looks === 3)).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('RESP2', () => {
  const replies: [string, unknown][] = [
    ['+OK\r\n', 'OK'],
    [':-12\r\n', -12],
    ['$-1\r\n', null],
    ['$0\r\n\r\n', ''],
    ['$6\r\nä\r\nb\n\r\n', 'ä\r\nb\n'],
    ['*-1\r\n', null],
    ['*3\r\n:1\r\n*1\r\n$1\r\na\r\n$-1\r\n', [1, ['a'], null]],
  ]

  test.each(replies)('reads %j, in however many pieces it comes', (text, expected) => {
    const bytes = Buffer.from(text)
    expect(parseReply(bytes)).toEqual({ reply: expected, next: bytes.length })
    for (let end = 0; end < bytes.length; end++) expect(parseReply(bytes.subarray(0, end))).toBeUndefined()
  })

  test('writes lengths in bytes', () => {
    expect(encodeCommand(['SET', 'ä', 1]).toString()).toBe('*3\r\n$3\r\nSET\r\n$2\r\nä\r\n$1\r\n1\r\n')
  })
})

describe('findRedisBinary', () => {
  test('REDIS_SERVER_BIN wins over PATH, also when it is wrong', () => {
    expect(findRedisBinary({ REDIS_SERVER_BIN: process.execPath, PATH: process.env.PATH })).toBe(process.execPath)
    expect(findRedisBinary({ REDIS_SERVER_BIN: join(folder, 'none'), PATH: process.env.PATH })).toBeUndefined()
    expect(findRedisBinary({ PATH: folder })).toBeUndefined()
  })
})

describe('describeRedis where there is no redis-server', () => {
  const testFile = `
    import { describeRedis } from ${support('redis-available.ts')}
    describeRedis('real', () => { test('never runs', () => { throw new Error('ran') }) })
  `

  async function vitest(env: Record<string, string>): Promise<{ code: number; output: string }> {
    write('one.test.ts', testFile)
    write('two.test.ts', testFile)
    const cli = join(root, 'node_modules/vitest/vitest.mjs')
    // Without the marks of the run we are in, and of a CI that requires Redis.
    const { CACHEWELL_REQUIRE_REDIS: _, VITEST: __, ...inherited } = process.env
    const run = promisify(execFile)(process.execPath, [cli, 'run', '--root', folder, '--globals', '--no-color'], {
      env: { ...inherited, REDIS_SERVER_BIN: join(folder, 'none'), TMPDIR: folder, ...env },
    })
    return run.then(
      ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
      ({ code, stdout, stderr }) => ({ code, output: stdout + stderr }),
    )
  }

  test('skips, and says so once a run', async () => {
    const { code, output } = await vitest({})
    expect(output).toMatch(/2 skipped/)
    expect(output.match(/SKIPPED: no redis-server/g)).toHaveLength(1)
    expect(code).toBe(0)
  })

  test('fails with CACHEWELL_REQUIRE_REDIS=1', async () => {
    const { code, output } = await vitest({ CACHEWELL_REQUIRE_REDIS: '1' })
    expect(output).toMatch(/2 failed/)
    expect(code).toBe(1)
  })
})

describe('runChild', () => {
  const run = (name: string, text: string, options = {}): Child => runChild(write(name, text), options)

  test('runs TypeScript and collects what it printed', async () => {
    const child = run('prints.ts', `const n: number = 4; console.log('out', n); console.error('err'); process.exit(3)`)
    expect(await child.done).toEqual({
      code: 3,
      signal: null,
      timedOut: false,
      stdout: 'out 4\n',
      stderr: 'err\n',
      messages: [],
    })
  })

  test('speaks with the child by lines of JSON', async () => {
    const heard: unknown[] = []
    const child = run(
      'echo.ts',
      `import { onParentMessage, tellParent } from ${support('parent.ts')}
       tellParent({ ready: true })
       const stop = onParentMessage((message) => {
         console.log('just text', 7)
         tellParent({ heard: message })
         stop()
       })`,
      { onMessage: (message: unknown) => heard.push(message) },
    )
    await until(() => child.messages.length === 1, { label: 'the child' })
    child.send({ text: 'two\nlines' })
    const { code, messages } = await child.done
    expect({ code, messages }).toEqual({ code: 0, messages: [{ ready: true }, { heard: { text: 'two\nlines' } }] })
    expect(heard).toEqual(messages)
  })

  test('kills a child that does not end in time', async () => {
    const child = run('hangs.ts', `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)`, { timeoutMs: 700 })
    expect(await child.done).toMatchObject({ code: null, signal: 'SIGKILL', timedOut: true })
  })

  test('does not wait for a grandchild that holds the output open', async () => {
    const child = run(
      'grandchild.ts',
      `import { spawn } from 'node:child_process'
       const sleeper = spawn('sleep', ['60'], { stdio: 'inherit', detached: true })
       sleeper.unref()
       console.log(JSON.stringify({ pid: sleeper.pid }))`,
    )
    const { code, messages } = await child.done
    process.kill((messages[0] as { pid: number }).pid)
    expect(code).toBe(0)
  })

  test('a child sees neither the test runner nor the cache of the machine', async () => {
    vi.stubEnv('REDIS_URL', 'redis://elsewhere')
    const child = run('env.ts', `console.log(JSON.stringify({ ...process.env }))`, { env: { EXTRA: 'yes' } })
    vi.unstubAllEnvs()
    const [env] = (await child.done).messages as NodeJS.ProcessEnv[]
    expect(env).toMatchObject({ EXTRA: 'yes' })
    expect(Object.keys(env ?? {}).filter((name) => /^VITEST|^NODE_ENV|^REDIS_URL/.test(name))).toEqual([])
  })
})

describeRedis('RedisServer', () => {
  test('starts and answers', async () => {
    await using server = await RedisServer.start()
    expect(server.url).toBe(`redis://127.0.0.1:${server.port}`)
    expect(await server.command('PING')).toBe('PONG')
    expect(await server.command('SET', 'k', Buffer.from('ä'))).toBe('OK')
    expect(await server.command('MGET', 'k', 'none')).toEqual(['ä', null])
    expect(await server.command('INCRBY', 'n', 5)).toBe(5)
    expect(await server.command('CONFIG', 'GET', 'save')).toEqual(['save', ''])
    expect(server.logs).toContain('Ready to accept connections')
  })

  test('a long reply comes whole', async () => {
    await using server = await RedisServer.start()
    await server.command('SETRANGE', 'k', 3_000_000, 'end')
    expect(await server.command('GET', 'k')).toHaveLength(3_000_003)
  })

  test('rejects on an error reply, also inside an array', async () => {
    await using server = await RedisServer.start()
    await server.command('SET', 'k', 'v')
    await expect(server.command('LPUSH', 'k', 'v')).rejects.toMatchObject({ name: 'ReplyError', code: 'WRONGTYPE' })
    const script = `return { 1, redis.error_reply('MINE went wrong') }`
    await expect(server.command('EVAL', script, 0)).rejects.toMatchObject({ code: 'MINE' })
  })

  test('a command to a paused server hangs until it is resumed', async () => {
    await using server = await RedisServer.start()
    server.pause()
    const reply = server.command('PING')
    expect(await within(reply, 200)).toBe(late)
    server.resume()
    expect(await reply).toBe('PONG')
  })

  test('stops while it is paused', async () => {
    await using server = await RedisServer.start()
    const { pid } = server
    server.pause()
    await server.stop()
    expect(server.logs).toContain('User requested shutdown') // It was asked, not killed.
    expect(server.running).toBe(false)
    expect(isAlive(pid)).toBe(false)
    await server.stop()
  })

  test('is killed, with commands in flight, and comes back on its port', async () => {
    await using server = await RedisServer.start()
    const { port, pid } = server
    await server.command('SET', 'k', 'v')
    server.pause()
    const inFlight = expect(server.command('PING')).rejects.toThrow()
    await server.kill()
    await inFlight
    expect(isAlive(pid)).toBe(false)
    await expect(server.command('PING')).rejects.toThrow('ECONNREFUSED')

    await server.restart()
    expect(server.port).toBe(port)
    expect(server.pid).not.toBe(pid)
    expect(await server.command('GET', 'k')).toBeNull()
  })

  test('keeps what it was told to persist, over stop and over restart', async () => {
    await using server = await RedisServer.start({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
    await server.command('SET', 'k', 'v')
    await server.stop()
    await server.restart()
    expect(await server.command('GET', 'k')).toBe('v')
    await server.restart()
    expect(await server.command('GET', 'k')).toBe('v')
  })

  test('with a password', async () => {
    const password = 'p@ss word/:#'
    await using server = await RedisServer.start({ password })
    expect(await server.command('PING')).toBe('PONG')
    const { port } = server
    await expect(rawCommand({ host: '127.0.0.1', port }, 'PING')).rejects.toMatchObject({ code: 'NOAUTH' })
    const wrong = { host: '127.0.0.1', port, password: 'wrong' }
    await expect(rawCommand(wrong, 'PING')).rejects.toMatchObject({ code: 'WRONGPASS' })
    expect(await pingByUrl(server.url)).toBe('PONG')
  })

  test('many at once find a port each', async () => {
    const servers = await Promise.all(Array.from({ length: 12 }, () => RedisServer.start()))
    try {
      expect(new Set(servers.map((server) => server.port)).size).toBe(servers.length)
      const pids = await Promise.all(servers.map(async (server) => String(await server.command('INFO', 'server'))))
      for (const [i, server] of servers.entries()) expect(pids[i]).toContain(`process_id:${server.pid}\r\n`)
    } finally {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()))
    }
  })

  test('moves on from a port that another server has, unless it was asked for', async () => {
    await using first = await RedisServer.start()
    await expect(RedisServer.start({ port: first.port })).rejects.toThrow('Address already in use')
    expect(await first.command('PING')).toBe('PONG')

    vi.mocked(likelyPort).mockClear().mockReturnValueOnce(first.port)
    await using second = await RedisServer.start()
    expect(likelyPort).toHaveBeenCalledTimes(2)
    expect(second.port).not.toBe(first.port)
  })

  test('says why it did not start', async () => {
    await expect(RedisServer.start({ args: ['--no-such-option', '1'] })).rejects.toThrow(/no-such-option/)
  })

  test('keeps the end of a long log', async () => {
    await using server = await RedisServer.start({ args: ['--loglevel', 'verbose'] })
    for (let i = 0; i < 12; i++) await server.command('EVAL', `redis.log(redis.LOG_WARNING, ('x'):rep(1000000))`, 0)
    const script = `for i = 1, 2000 do redis.log(redis.LOG_WARNING, 'line ' .. i .. ('x'):rep(100)) end`
    await server.command('EVAL', script, 0)
    await until(() => server.logs.includes('line 2000'))
    expect(server.logs.length).toBeLessThanOrEqual(64 * 1024)
  })

  test('leaves no process and no directory behind', async () => {
    const server = await RedisServer.start()
    const { pid } = server
    const [, directory] = (await server.command('CONFIG', 'GET', 'dir')) as [string, string]
    expect(existsSync(directory)).toBe(true)
    await server[Symbol.asyncDispose]()
    expect(isAlive(pid)).toBe(false)
    expect(existsSync(directory)).toBe(false)
  })

  describe('when the test process ends with a server running', () => {
    async function endBy(end: string, signal?: NodeJS.Signals) {
      const child = runChild(
        write(
          'abandons.ts',
          `import { RedisServer } from ${support('redis-server.ts')}
           import { tellParent } from ${support('parent.ts')}
           const server = await RedisServer.start()
           const [, directory] = await server.command('CONFIG', 'GET', 'dir')
           if (${JSON.stringify(end)} === 'paused') server.pause()
           tellParent({ port: server.port, directory })
           ${end === 'paused' ? '' : end}
           setInterval(() => {}, 1000)`,
        ),
      )
      await until(() => child.messages.length > 0 || child.stderr, { label: 'the server of the child' })
      if (signal) child.kill(signal)
      const { messages, stderr } = await child.done
      expect(messages, stderr).toHaveLength(1)
      return messages[0] as { port: number; directory: string }
    }

    test.each([
      ['process.exit(0)', undefined],
      ['throw new Error("crash")', undefined],
      ['', 'SIGTERM'],
      ['', 'SIGKILL'],
      ['paused', 'SIGKILL'],
    ] as const)('by %j and signal %s, the server ends too', async (end, signal) => {
      const { port, directory } = await endBy(end, signal)
      // Not by its process id: until the system has collected an orphan, its id looks alive.
      const ping = rawCommand.bind(null, { host: '127.0.0.1', port }, 'PING')
      const isRefused = () =>
        ping().then(
          () => false,
          (error) => error.code === 'ECONNREFUSED',
        )
      await until(async () => (await isRefused()) && !existsSync(directory), { label: 'the end of the server' })
    })
  })
})

describeRedis('RedisServer with TLS', () => {
  let certificates: Certificates
  beforeAll(async () => {
    certificates = await makeCertificates()
  })

  test('is trusted by who trusts the authority, by name and by address', async () => {
    await using server = await RedisServer.start({ tls: certificates.server, password: 'secret' })
    expect(server.url).toBe(`rediss://:secret@127.0.0.1:${server.port}`)
    expect(await server.command('PING')).toBe('PONG')
    expect(await pingByUrl(server.url, certificates.ca)).toBe('PONG')
    expect(await pingByUrl(server.url.replace('127.0.0.1', 'localhost'), certificates.ca)).toBe('PONG')
  })

  test('is not trusted by who trusts another authority', async () => {
    await using server = await RedisServer.start({ tls: certificates.server })
    const stranger = { host: '127.0.0.1', port: server.port, ca: certificates.strangerCa }
    await expect(rawCommand(stranger, 'PING')).rejects.toMatchObject({ code: 'SELF_SIGNED_CERT_IN_CHAIN' })
  })

  test('does not speak plain text', async () => {
    await using server = await RedisServer.start({ tls: certificates.server })
    await expect(rawCommand({ host: '127.0.0.1', port: server.port }, 'PING')).rejects.toThrow()
  })

  test('comes back after a kill', async () => {
    await using server = await RedisServer.start({ tls: certificates.server })
    await server.kill()
    await server.restart()
    expect(await server.command('PING')).toBe('PONG')
  })
})

/** Through ioredis, to see that it understands the URL as we do. */
async function pingByUrl(url: string, ca?: string): Promise<string> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: null, ...(ca ? { tls: { ca } } : {}) })
  try {
    await client.connect()
    return await client.ping()
  } finally {
    client.disconnect()
  }
}
