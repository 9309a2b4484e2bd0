import { parseArgs } from 'node:util'
import { type Mutant, mutants, nearMutants } from './mutants.ts'
import { report } from './report.ts'
import { runHistory, type Scenario, scenarios } from './run-history.ts'

// npx tsx test/history/run.ts --scenario single|cluster|proxy|near|near-cluster --operations 200000 --processes 4 --seed 1
//   [--break fence|joining|stamps|lease|journal|guard|bound|epoch|own|nesting|barrier] [--calm]

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'single' },
    operations: { type: 'string', default: '200000' },
    processes: { type: 'string', default: '4' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    break: { type: 'string' },
    calm: { type: 'boolean', default: false },
  },
})
const breakable: readonly string[] = [...mutants, ...nearMutants]
if (values.break !== undefined && !breakable.includes(values.break)) {
  throw new Error(`--break takes one of ${breakable.join(', ')}`)
}
if (!scenarios.includes(values.scenario as Scenario)) throw new Error(`--scenario takes one of ${scenarios.join(', ')}`)
console.log(`seed ${values.seed}`)
const began = performance.now()
const outcome = await runHistory({
  scenario: values.scenario as Scenario,
  operations: Number(values.operations),
  processes: Number(values.processes),
  seed: Number(values.seed),
  breaking: values.break as Mutant | undefined,
  trouble: !values.calm,
})
console.log(report(outcome))
console.log(`${((performance.now() - began) / 1_000).toFixed(1)} s`)
process.exitCode = outcome.violations.length > 0 ? 1 : 0
