import type { WriteStream } from 'node:tty'
import type { LoadProgress } from './load-datasets.ts'

/** Shows progress as one line that is written over on a terminal, and as a few lines anywhere else. */
export function progressLine(out: WriteStream): (progress: LoadProgress) => void {
  let shown = 0
  return ({ dataset, loaded, total }) => {
    const done = loaded === total
    const text = `  ${dataset.padEnd(16)} ${count(loaded).padStart(8)} / ${count(total)} rows`
    if (out.isTTY) out.write(`\r\x1b[K${text}${done ? '\n' : ''}`)
    else if (done || loaded - shown >= total / 3) {
      out.write(`${text}\n`)
      shown = loaded
    }
    if (done) shown = 0
  }
}

function count(rows: number): string {
  return rows.toLocaleString('en-US')
}
