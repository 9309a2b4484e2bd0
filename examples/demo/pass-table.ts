import { type Answer, totalMs } from './answers.ts'
import { questions } from './questions.ts'

/** The passes side by side, as plain text of at most 100 columns. */
export function passTable(passes: Readonly<Record<string, readonly Answer[]>>): string {
  const columns = Object.entries(passes)
  const rule = '-'.repeat(36 + 21 * columns.length)
  return [
    line(
      'query',
      'reads',
      columns.map(([name]) => [`${name} ms`, 'from']),
    ),
    rule,
    ...questions.map(({ call, reads }, i) =>
      line(
        call,
        reads,
        columns.map(([, pass]) => (pass[i] ? [formatMs(pass[i].ms), pass[i].from] : ['', ''])),
      ),
    ),
    rule,
    line(
      'total',
      '',
      columns.map(([, pass]) => [formatMs(totalMs(pass)), '']),
    ),
  ].join('\n')
}

function line(query: string, reads: string, cells: readonly (readonly string[])[]): string {
  const passes = cells.map(([ms = '', from = '']) => `${ms.padStart(10)}  ${from.padEnd(9)}`)
  return `${query.padEnd(26)}${reads.padEnd(10)}${passes.join('')}`.trimEnd()
}

export function formatMs(ms: number): string {
  return ms.toFixed(2)
}
