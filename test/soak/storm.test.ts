import { expect, it } from 'vitest'
import { Random } from '../history/random.ts'
import { until } from '../support/until.ts'
import { Storm, type Trouble } from './storm.ts'

it('lets each trouble happen as often as the others, and tells what did not come about', async () => {
  const happen = async () => {}
  const troubles: Trouble[] = [
    { name: 'rain', happen },
    { name: 'hail', happen },
    { name: 'frogs', happen: () => Promise.reject(new Error('none left\nnowhere')) },
  ]
  const storm = new Storm('weather', troubles, new Random(1), 1)
  storm.begin()
  await until(() => storm.failures.length >= 4)
  await storm.end()
  const { rain = 0, hail = 0 } = storm.happened
  expect(Math.abs(rain - hail)).toBeLessThanOrEqual(1)
  expect(rain).toBeGreaterThanOrEqual(3)
  expect(storm.failures.slice(0, 4)).toEqual(Array(4).fill('weather: frogs: none left'))
})
