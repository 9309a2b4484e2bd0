import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../src/clock.ts'
import { CommandTimeoutError, sleep, withDeadline } from '../src/deadline.ts'
import { HandClock } from '../src/testing/hand-clock.ts'

const execute = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const never = new Promise<never>(() => {})

/** Keeps the event loop from turning. */
function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

/** Answers `ping`, and nothing else, from a process of its own: also while our loop is blocked. */
const SERVER = `
  const server = require('node:net').createServer((socket) => {
    socket.on('data', (data) => String(data) === 'ping' && socket.write('pong'))
  })
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))`

async function withServer(work: (socket: Socket, silent: Socket) => Promise<void>): Promise<void> {
  const server = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = await once(server.stdout, 'data')
  const sockets = [connect(Number(port), '127.0.0.1'), connect(Number(port), '127.0.0.1')] as const
  try {
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    await work(...sockets)
  } finally {
    for (const socket of sockets) socket.destroy()
    server.kill()
    await once(server, 'exit')
  }
}

describe('a deadline', () => {
  test('gives what the promise gives', async () => {
    const clock = new HandClock()
    expect(await withDeadline(Promise.resolve(1), 250, 'GET', clock)).toBe(1)
    await expect(withDeadline(Promise.reject(new Error('no')), 250, 'GET', clock)).rejects.toThrow('no')
  })

  test('rejects when the time is over, and not before', async () => {
    const clock = new HandClock()
    let outcome: unknown
    withDeadline(never, 250, 'GET', clock).catch((error) => {
      outcome = error
    })
    clock.advance(249)
    await new Promise((resolve) => setImmediate(resolve))
    expect(outcome).toBeUndefined()
    clock.advance(1)
    await new Promise((resolve) => setImmediate(resolve))
    expect(outcome).toBeInstanceOf(CommandTimeoutError)
    expect(outcome).toMatchObject({ code: 'TIMEOUT', message: 'GET took longer than 250 ms', stalled: false })
  })

  test('that fires very late says that our own loop was blocked', async () => {
    const clock = new HandClock()
    const outcome = withDeadline(never, 250, 'GET', clock)
    clock.advance(400)
    clock.advance(250)
    await expect(outcome).rejects.toMatchObject({ stalled: true })
  })

  test('that fires very late begins anew, once: what it waits for may have been sent only then', async () => {
    const clock = new HandClock()
    const outcome = withDeadline(
      new Promise((resolve) => clock.setTimeout(() => resolve('late'), 600)),
      250,
      'GET',
      clock,
    )
    clock.advance(400)
    clock.advance(200)
    expect(await outcome).toBe('late')
  })

  test('an answer in the same turn as the time-out still counts', async () => {
    const clock = new HandClock()
    let answer = (_: string) => {}
    const answered = new Promise<string>((resolve) => {
      answer = resolve
    })
    const outcome = withDeadline(answered, 250, 'GET', clock)
    clock.advance(250)
    answer('in time')
    expect(await outcome).toBe('in time')
  })

  test('does not lie when the loop was blocked and the reply is in the buffer of the socket', async () => {
    await withServer(async (socket, silent) => {
      for (let i = 0; i < 3; i++) {
        const pong = once(socket, 'data').then(([data]) => `${data}`)
        socket.write('ping')
        const reply = withDeadline(pong, 50, 'PING', systemClock)
        const silence = withDeadline(once(silent, 'data'), 50, 'GET', systemClock).catch((error) => error)
        block(400)
        expect(await reply).toBe('pong')
        expect(await silence).toMatchObject({ code: 'TIMEOUT', stalled: true })
      }
    })
  })

  test('keeps the process alive until it is over, and a sleep does not', async () => {
    const run = async (code: string) => {
      const imports = `
        import { systemClock } from './src/clock.ts'
        import { sleep, withDeadline } from './src/deadline.ts'
        ${code}`
      const { stdout } = await execute(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', imports], {
        cwd: root,
      })
      return stdout.trim()
    }
    const outputs = await Promise.all([
      run(`withDeadline(new Promise(() => {}), 300, 'GET', systemClock).catch((error) => console.log(error.message))`),
      run(`withDeadline(Promise.resolve(), 60_000, 'GET', systemClock).then(() => console.log('at once'))`),
      run(`sleep(60_000, systemClock).then(() => console.log('slept'))`),
    ])
    expect(outputs).toEqual(['GET took longer than 300 ms', 'at once', ''])
  })
})

describe('a sleep', () => {
  test('lasts as long as it says', async () => {
    const clock = new HandClock()
    let awake = false
    const sleeping = sleep(100, clock).then(() => {
      awake = true
    })
    clock.advance(99)
    await Promise.resolve()
    expect(awake).toBe(false)
    clock.advance(1)
    await sleeping
    expect(awake).toBe(true)
  })
})
