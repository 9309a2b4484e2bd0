import type { Records } from './records.ts'

/** Asks the server for answers, changes what they were made of, and prints how often the records had to be read. */
export async function walkThrough(url: string, records: Records): Promise<void> {
  const reads = () => records.drivers.reads + records.incidents.reads
  const ask = async (question: string, body?: unknown) => {
    const [method, path] = question.split(' ')
    const before = reads()
    const response = await fetch(`${url}${path}`, { method, body: JSON.stringify(body) })
    console.log(`${question}: ${response.status} ${await response.text()}, ${reads() - before} reads`)
  }

  await ask('POST /drivers', { badge: 'D-101', depot: 'north' })
  await ask('POST /drivers', { badge: 'D-102', depot: 'south' })
  await ask('POST /incidents', { driverId: 1, date: '2026-01-20', severity: 2 })
  const questions = [
    'GET /drivers',
    'GET /drivers/1/score',
    'GET /drivers/2/score',
    'GET /incidents',
    'GET /reports/2026-01',
    'GET /reports/2026-02',
  ]
  const askAll = async (when: string) => {
    console.log(`-- ${when}`)
    for (const question of questions) await ask(question)
  }

  await askAll('at first')
  await askAll('again')
  await ask('POST /incidents', { driverId: 1, date: '2026-01-25', severity: 1 })
  await askAll('after an incident of driver 1 in January')
  await ask('PUT /incidents/2', { driverId: 2, date: '2026-02-01', severity: 1 })
  await askAll('after that one was put down to driver 2, in February')
  await ask('PUT /drivers/2', { badge: 'D-102', depot: 'north' })
  await askAll('after driver 2 has moved')
  await ask('DELETE /incidents/1')
  await askAll('after the first incident was deleted')
  await ask('DELETE /drivers/2')
  await askAll('after driver 2 was deleted')

  console.log('-- one who is not there, and then is')
  const third = 'GET /drivers/3'
  await ask(third)
  await ask(third)
  await ask('POST /drivers', { badge: 'D-103', depot: 'south' })
  await ask(third)
  await ask('PUT /drivers/3', { badge: 'D-103', depot: 'north' })
  await ask(third)

  console.log('-- nonsense')
  await ask('GET /drivers/three')
  await ask('GET /reports/2026-13')
  await ask('POST /incidents', { driverId: 9, date: '2026-01-20', severity: 2 })

  await askAll('at last')
}
