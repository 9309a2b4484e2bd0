import { type Machine, machineLine } from '../machine.ts'
import { svgOf } from './plot.ts'
import { cellsOf, HEADS } from './row.ts'
import type { Findings, Section } from './stage.ts'

export interface Measured {
  readonly section: Section
  readonly findings: Findings
}

export interface Run {
  readonly measured: readonly Measured[]
  readonly machine: Machine
  readonly launches: number
  readonly minutes: number
  /** Turns that were not made of hits alone. */
  readonly repeated: number
  readonly at: Date
}

/** What stands in docs after a run: `benchmarks.md` and its plots, by name. */
export function pageOf(run: Run): ReadonlyMap<string, string> {
  const plots = run.measured.flatMap(({ findings }) => findings.plots ?? [])
  return new Map([['benchmarks.md', markdown(run)], ...plots.map((plot) => [plot.file, svgOf(plot)] as const)])
}

function markdown({ measured, machine, launches, minutes, repeated, at }: Run): string {
  return `# Benchmarks

Written by \`npm run bench -- --write --launches ${launches}\` on ${at.toISOString().slice(0, 10)}, in
${minutes.toFixed(0)} minutes. A part of it can be measured without writing, as by \`npm run bench -- memory redis\`. What
stampedes and outages cost is measured by \`npm run bench:stampede\` and \`npm run bench:outage\`.

Machine: ${machineLine(machine)}.

## How it is measured

- What is measured is the built package, in processes of its own, without a loader or a test runner around it. The value
  is 787 bytes as JSON, there are 500 keys, and \`NODE_ENV\` is \`production\`, unless it says otherwise.
- **Compare ratios, not rates.** Each contestant takes turns with the baseline, ABAB, and what counts is the ratio of
  neighbours: whatever else the machine does meets both. *Measured* is the median of all rounds, *quartiles* is where
  the middle half of them lies, *by CPU time* is the same measure by what the two processes took of the processors, to
  which it matters little who else uses the machine, and *absolute* is the median rate.
- All processes are started anew ${launches} times (*launches*), since no two are compiled alike.
- Every round checks that it has measured hits, by the value and by counting loads. One with a load in it is repeated:
  that is where Redis took longer to answer than \`commandTimeout\`. In this run that was ${repeated} times.
- A baseline is what a careful person writes by hand. *Target* is what cachewell is meant to reach: a row says whether it
  does.

${measured.map(sectionText).join('\n')}`
}

function sectionText({ section: { title, about }, findings: { rows, plots = [], notes = [] } }: Measured): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const rule = HEADS.map((_, i) => (i === 0 ? '---' : '---:'))
  const body = rows.map((row) => {
    const cells = cellsOf(row)
    return line(row.verdict === 'missed' ? [...cells.slice(0, -1), '**missed**'] : cells)
  })
  return [
    `## ${title}\n\n${about}\n`,
    [line(HEADS), line(rule), ...body, ''].join('\n'),
    ...plots.map(({ title: what, file }) => `![${what}](${file})\n`),
    ...notes.map((note) => `${note}\n`),
  ].join('\n')
}
