import { EventEmitter } from 'node:events'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Found } from './messages.ts'
import { Problems } from './problems.ts'

describe('problems', () => {
  let told: Found[]
  let problems: Problems
  let process: EventEmitter

  beforeEach(() => {
    told = []
    problems = new Problems((message) => told.push(message))
    process = new EventEmitter()
    problems.watchProcess(process)
  })

  it('are what nobody has caught', () => {
    process.emit('unhandledRejection', new Error('first'))
    process.emit('uncaughtException', new Error('second'))
    expect(told.map(({ rule }) => rule)).toEqual(['unhandled rejection', 'uncaught exception'])
    expect(told[0]?.text).toContain('Error: first\n')
  })

  it('are what Node warns of, too many listeners for one', () => {
    const warning = Object.assign(new Error('11 listeners'), { name: 'MaxListenersExceededWarning' })
    process.emit('warning', warning)
    process.emit('warning', Object.assign(new Error('new'), { name: 'ExperimentalWarning' }))
    expect(told).toMatchObject([{ rule: 'warning' }])
  })

  it('are counted, and not told over and over', () => {
    for (let i = 0; i < 1_000; i++) problems.add('stale', `${i}`)
    problems.add('hung', 'a call')
    expect(problems.count).toBe(1_001)
    expect(told.length).toBe(11)
  })
})
