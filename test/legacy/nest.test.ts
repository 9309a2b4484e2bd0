import { describe } from 'vitest'
import { compilers, runCompiled } from '../decorators/compilers.ts'

// esbuild emits no types of parameters, and Nest's users compile with TypeScript.
describe('in the style of Nest', async () => {
  await runCompiled(new URL('./nest.ts', import.meta.url), compilers['experimentalDecorators, TypeScript'])
})
