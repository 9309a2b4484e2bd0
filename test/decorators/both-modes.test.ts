import { readdirSync } from 'node:fs'
import { describe } from 'vitest'
import { compilers, runCompiled } from './compilers.ts'

const bodies = new URL('./bodies/', import.meta.url)

describe.each(Object.entries(compilers))('%s:', async (_name, compile) => {
  for (const body of readdirSync(bodies).sort()) await runCompiled(new URL(body, bodies), compile)
})
