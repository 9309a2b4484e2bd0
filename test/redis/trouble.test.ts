import { describe, expect, test } from 'vitest'
import { CommandTimeoutError } from '../../src/deadline.ts'
import { CacheTroubleError } from '../../src/errors.ts'
import { redact, toTrouble } from '../../src/redis/trouble.ts'

const reply = (message: string) =>
  Object.assign(new Error(message), { name: 'ReplyError', command: { args: ['hunter2'] } })

describe('trouble', () => {
  test.each([
    ['WRONGTYPE Operation against a key', 'WRONGTYPE', true],
    ['NOPERM this user has no permissions', 'NOPERM', true],
    ['ERR value is not an integer', 'ERR', true],
    ['OOM command not allowed', 'OOM', true],
    ['NOAUTH Authentication required.', 'NOAUTH', false],
    ['LOADING Redis is loading', 'LOADING', false],
    ["READONLY You can't write", 'READONLY', false],
  ])('%s has the code %s, local: %s', (message, code, local) => {
    expect(toTrouble(reply(message), [])).toMatchObject({ code, message, local })
  })

  test('of the socket has the code of the socket', () => {
    const error = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    expect(toTrouble(error, [])).toMatchObject({ code: 'ECONNREFUSED', local: false })
  })

  test('of several addresses has words', () => {
    const error = Object.assign(new AggregateError([new Error('a')]), { code: 'ECONNREFUSED' })
    expect(toTrouble(error, [])).toMatchObject({ code: 'ECONNREFUSED', message: 'ECONNREFUSED' })
  })

  test('is kept as it is when it is ours', () => {
    const error = new CommandTimeoutError('GET took longer than 250 ms', true)
    expect(toTrouble(error, [])).toBe(error)
  })

  test.each([
    undefined,
    null,
    'text',
    5,
    {},
    { message: 5 },
    { message: undefined },
    Object.assign(new Error(''), { code: 5 }),
  ])('is made of anything: %o', (thrown) => {
    const trouble = toTrouble(thrown, ['x'])
    expect(trouble).toBeInstanceOf(CacheTroubleError)
    expect(trouble.code).toBe('ERROR')
    expect(trouble.message).not.toBe('')
  })

  test('holds no secret, and nothing of the command', () => {
    const trouble = toTrouble(reply('ERR AUTH hunter2 at redis://:hunter2@host failed'), [
      'redis://:hunter2@host',
      'hunter2',
      '',
    ])
    expect(trouble.message).toBe('ERR AUTH *** at *** failed')
    expect(JSON.stringify(trouble) + String(trouble.stack) + String(trouble.cause)).not.toContain('hunter2')
    expect(redact('a.b+a.b', ['a.b'])).toBe('***+***')
  })
})
