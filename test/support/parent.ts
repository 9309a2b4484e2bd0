import { createInterface } from 'node:readline'

// The child's side of `child.ts`.

/** One JSON line on stdout. */
export const tellParent = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`)

/** Listens for the parent's messages. They keep the process alive until it calls what this returns, or input ends. */
export function onParentMessage(handler: (message: unknown) => void): () => void {
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => handler(JSON.parse(line)))
  return () => {
    lines.close()
    process.stdin.destroy()
  }
}
