import { parseArgs } from 'node:util'
import { report, statusLine } from './report.ts'
import { runSoak } from './run-soak.ts'

const USAGE = 'npm run soak -- [--minutes 2] [--seed 1]'

function readOptions() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '2' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    },
  })
  const minutes = Number(values.minutes)
  const seed = Number(values.seed)
  if (!(minutes > 0) || !Number.isSafeInteger(seed))
    throw new Error(`Minutes are above zero, a seed is whole. ${USAGE}`)
  return { minutes, seed }
}

const options = readOptions()
console.log(`${options.minutes} minutes, seed ${options.seed}`)
const outcome = await runSoak({ ...options, onStatus: (status) => console.log(statusLine(status)) })
console.log(`\n${report(outcome)}`)
process.exitCode = outcome.problems.length === 0 ? 0 : 1
