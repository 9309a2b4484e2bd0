import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { rawCommand } from './support/raw-command.ts'
import { RawSession } from './support/raw-session.ts'
import { late, now, sleep, within } from './support/real-time.ts'
import { describeRedis } from './support/redis-available.ts'
import { RedisServer } from './support/redis-server.ts'
import { encodeCommand } from './support/resp.ts'
import {
  blackHole,
  down,
  halfOpen,
  hold,
  isData,
  isTracking,
  latency,
  of,
  resetSocket,
  TcpProxy,
  trickle,
  truncate,
  up,
  when,
} from './support/tcp-proxy.ts'
import { until } from './support/until.ts'

describeRedis('TcpProxy', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  beforeEach(async () => void (await server.command('FLUSHALL')))

  const ping = (proxy: TcpProxy) => rawCommand({ host: '127.0.0.1', port: proxy.port }, 'PING')

  async function timed(work: () => Promise<unknown>): Promise<number> {
    const start = now()
    await work()
    return now() - start
  }

  test('passes on what both sides say, and counts it', async () => {
    await using proxy = await TcpProxy.start(server)
    using session = new RawSession(proxy)
    const long = 'ä'.repeat(200_000)
    expect(await session.command('SET', 'k', long)).toBe('OK')
    expect(await session.command('GET', 'k')).toBe(long)
    expect(await ping(proxy)).toBe('PONG')
    expect(proxy.accepted).toBe(2)
    const sent = [['SET', 'k', long], ['GET', 'k'], ['PING']].map((command) => encodeCommand(command).length)
    expect(proxy.bytes.up).toBe(sent.reduce((a, b) => a + b))
    expect(proxy.bytes.down).toBe(Buffer.byteLength(`+OK\r\n$400000\r\n${long}\r\n+PONG\r\n`))
    await until(() => proxy.connections.length === 1)
    expect(proxy.connections[0]?.id).toBe(1)
  })

  test('gives the URL of the server a new port', async () => {
    await using proxy = await TcpProxy.start(server)
    expect(proxy.via(server.url)).toBe(`redis://127.0.0.1:${proxy.port}`)
    expect(proxy.via('rediss://:6379@127.0.0.1:6379/2')).toBe(`rediss://:6379@127.0.0.1:${proxy.port}/2`)
  })

  test('tells connections apart by what their clients say first, and spoils one of them only', async () => {
    await using proxy = await TcpProxy.start(server)
    using told = new RawSession(proxy)
    using other = new RawSession(proxy)
    await told.command('CLIENT', 'TRACKING', 'OFF')
    expect(await other.command('SET', 'k', 'x'.repeat(2_000))).toBe('OK')
    const [first, second] = proxy.connections
    expect([first, second].map((connection) => connection && isTracking(connection))).toEqual([true, false])
    expect([first, second].map((connection) => connection && isData(connection))).toEqual([false, true])
    expect(second?.opening).toBe(
      encodeCommand(['SET', 'k', 'x'.repeat(2_000)])
        .toString()
        .slice(0, 512),
    )
    const lift = proxy.apply(of(isTracking, hold()))
    const held = told.command('PING')
    expect(await other.command('PING')).toBe('PONG')
    expect(await within(held, 50)).toBe(late)
    lift()
    expect(await held).toBe('PONG')
  })

  test('sends new connections elsewhere when told to, and leaves open ones where they are', async () => {
    await using successor = await RedisServer.start()
    await using proxy = await TcpProxy.start(server)
    using session = new RawSession(proxy)
    await session.command('SET', 'k', 'old')
    proxy.redirect(successor)
    using later = new RawSession(proxy)
    expect(await later.command('GET', 'k')).toBeNull()
    expect(await session.command('GET', 'k')).toBe('old')
  })

  test('an end on one side becomes one on the other', async () => {
    await using proxy = await TcpProxy.start(server)
    using session = new RawSession(proxy)
    const id = await session.command('CLIENT', 'ID')
    await server.command('CLIENT', 'KILL', 'ID', Number(id))
    expect(await session.closed).toBeUndefined()
    const other = new RawSession(proxy)
    const otherId = await other.command('CLIENT', 'ID')
    other[Symbol.dispose]()
    await until(async () => !String(await server.command('CLIENT', 'LIST')).includes(`id=${otherId} `))
    await until(() => proxy.connections.length === 0)
  })

  test('a server that is not there resets', async () => {
    const gone = await RedisServer.start()
    await using proxy = await TcpProxy.start(gone)
    await gone[Symbol.asyncDispose]()
    await expect(ping(proxy)).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  test('latency delays each way, and does not add up over what is sent without waiting', async () => {
    await using proxy = await TcpProxy.start(server)
    using session = new RawSession(proxy)
    await session.command('PING')
    proxy.apply(latency(100, 20))
    const numbers = Array.from({ length: 50 }, (_, i) => String(i))
    const replies: unknown[] = []
    const ms = await timed(async () => {
      await Promise.all(numbers.map(async (number) => replies.push(await session.command('ECHO', number))))
    })
    expect(replies).toEqual(numbers)
    expect(ms).toBeGreaterThan(195)
    expect(ms).toBeLessThan(2_000)
  })

  test('a fault can be one way only', async () => {
    await using proxy = await TcpProxy.start(server)
    using session = new RawSession(proxy)
    const liftUp = proxy.apply(up(latency(60_000)))
    const written = session.command('SET', 'k', 'v')
    await sleep(50)
    expect(await server.command('EXISTS', 'k')).toBe(0)
    liftUp() // What waits goes at once.
    expect(await written).toBe('OK')
    const liftDown = proxy.apply(down(hold(() => true)))
    const read = session.command('INCR', 'n')
    await until(async () => (await server.command('GET', 'n')) === '1')
    expect(await within(read, 50)).toBe(late)
    liftDown()
    expect(await read).toBe(1)
  })

  test('hold lets one connection overtake another', async () => {
    await using proxy = await TcpProxy.start(server)
    using first = new RawSession(proxy)
    using second = new RawSession(proxy)
    await Promise.all([first.command('PING'), second.command('PING')])
    const [one] = proxy.connections
    const release = proxy.apply(up(hold((chunk) => chunk.connection === one)))
    const slow = Promise.all([first.command('RPUSH', 'l', 'first'), first.command('RPUSH', 'l', 'first again')])
    await second.command('RPUSH', 'l', 'second')
    release()
    await slow
    expect(await server.command('LRANGE', 'l', 0, -1)).toEqual(['second', 'first', 'first again'])
  })

  test('hold by what is said holds only what follows on the same connection', async () => {
    await using proxy = await TcpProxy.start(server)
    using session = new RawSession(proxy)
    await session.command('PING')
    const release = proxy.apply(hold(({ bytes }) => bytes.includes('DEL')))
    const deleted = session.command('DEL', 'k')
    const after = session.command('PING')
    expect(await ping(proxy)).toBe('PONG')
    expect(await within(after, 50)).toBe(late)
    release()
    expect(await Promise.all([deleted, after])).toEqual([0, 'PONG'])
  })

  test('a black hole accepts and says nothing, and never serves again whom it robbed', async () => {
    await using proxy = await TcpProxy.start(server)
    using session = new RawSession(proxy)
    await session.command('PING')
    const lift = proxy.apply(blackHole())
    expect(await within(session.command('SET', 'k', 'v').catch(String), 100)).toBe(late)
    expect(await within(ping(proxy).catch(String), 100)).toBe(late)
    lift()
    expect(await within(session.command('PING').catch(String), 100)).toBe(late)
    expect(await ping(proxy)).toBe('PONG')
    expect(await server.command('EXISTS', 'k')).toBe(0)
  })

  test('a black hole for replies only: the server does what it is told', async () => {
    await using proxy = await TcpProxy.start(server)
    using session = new RawSession(proxy)
    proxy.apply(down(blackHole()))
    for (let i = 0; i < 2; i++) session.command('INCR', 'n').catch(() => {})
    await until(async () => (await server.command('GET', 'n')) === '2')
    expect(await within(session.closed, 50)).toBe(late)
  })

  test('half-open: the client does not learn that the server died, until the network is well', async () => {
    await using own = await RedisServer.start()
    await using proxy = await TcpProxy.start(own)
    using session = new RawSession(proxy)
    await session.command('PING')
    const lift = proxy.apply(halfOpen())
    expect(await session.command('PING')).toBe('PONG')
    await own.kill()
    const lost = session.command('PING').catch(String)
    expect(await within(lost, 150)).toBe(late)
    lift()
    expect(await within(lost, 50)).toBe(late)
    session.command('PING').catch(() => {})
    expect(await session.closed).toBe('ECONNRESET')
  })

  test('reset strikes all connections, and new ones until it is healed', async () => {
    await using proxy = await TcpProxy.start(server)
    using session = new RawSession(proxy)
    await session.command('PING')
    proxy.reset()
    expect(await session.closed).toBe('ECONNRESET')
    await expect(ping(proxy)).rejects.toMatchObject({ code: 'ECONNRESET' })
    proxy.heal()
    expect(await ping(proxy)).toBe('PONG')
  })

  test('reset can strike one of two', async () => {
    await using proxy = await TcpProxy.start(server)
    using first = new RawSession(proxy)
    await first.command('PING')
    using second = new RawSession(proxy)
    await second.command('PING')
    proxy.reset(({ id }) => id === 1)
    expect(await first.closed).toBe('ECONNRESET')
    expect(await second.command('PING')).toBe('PONG')
  })

  test('refuses new connections, and keeps those that are open', async () => {
    await using proxy = await TcpProxy.start(server)
    using session = new RawSession(proxy)
    await session.command('PING')
    proxy.refuse()
    await expect(ping(proxy)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(await session.command('PING')).toBe('PONG')
    await proxy.accept()
    expect(await ping(proxy)).toBe('PONG')
  })

  test('trickle gives a reply in small pieces', async () => {
    await server.command('SET', 'k', 'x'.repeat(34))
    await using proxy = await TcpProxy.start(server)
    using session = new RawSession(proxy)
    await session.command('PING')
    const lift = proxy.apply(down(trickle(10, 40)))
    expect(await timed(() => session.command('GET', 'k'))).toBeGreaterThan(155) // 41 bytes: the fifth after 160 ms.
    lift()
    const liftSlower = proxy.apply(down(trickle(1, 60_000)))
    const reply = session.command('GET', 'k')
    expect(await within(reply, 50)).toBe(late)
    liftSlower()
    expect(await reply).toBe('x'.repeat(34))
  })

  test('truncate cuts one reply short, and nothing after', async () => {
    await server.command('SET', 'k', '0123456789')
    await using proxy = await TcpProxy.start(server)
    using session = new RawSession(proxy)
    proxy.apply(down(truncate(16)))
    expect(await session.command('PING')).toBe('PONG') // 7 bytes.
    await expect(session.command('GET', 'k')).rejects.toThrow('in order')
    using next = new RawSession(proxy)
    expect(await next.command('GET', 'k')).toBe('0123456789')
  })

  test('several faults act together, each on what it is for', async () => {
    await using proxy = await TcpProxy.start(server)
    using session = new RawSession(proxy)
    await session.command('PING')
    proxy.apply(latency(40))
    proxy.apply(when(({ connection }) => connection.id === 2, blackHole()))
    expect(await within(ping(proxy).catch(String), 200)).toBe(late)
    expect(await timed(() => session.command('PING'))).toBeGreaterThan(75)
    proxy.heal()
    proxy.apply(latency(60_000))
    const waiting = session.command('PING')
    proxy.heal()
    expect(await waiting).toBe('PONG')
  })

  test('closes everything when it is disposed of, also what is held', async () => {
    const proxy = await TcpProxy.start(server)
    using session = new RawSession(proxy)
    proxy.apply(hold(() => true))
    const held = session.command('SET', 'k', 'v')
    await until(() => proxy.bytes.up > 0)
    await Promise.all([proxy[Symbol.asyncDispose](), expect(held).rejects.toThrow('Connection closed')])
    await expect(ping(proxy)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(await server.command('EXISTS', 'k')).toBe(0)
  })

  test('a connection that is about to end can be reset', async () => {
    const socket = connect({ host: '127.0.0.1', port: server.port })
    await once(socket, 'connect')
    const errors: string[] = []
    socket.on('error', ({ message }) => errors.push(message))
    await new Promise<void>((resolve) => socket.write('PING\r\n', () => resolve()))
    socket.end()
    const closed = once(socket, 'close')
    resetSocket(socket)
    await closed
    expect(errors).toEqual([])
  })
})
