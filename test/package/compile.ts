import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './run.ts'

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')

export const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))

/** Compiler options, and what to compile as which type of module. */
export interface Compilation {
  readonly fixtures: readonly string[]
  readonly type: 'module' | 'commonjs'
  readonly [option: string]: unknown
}

/**
 * Makes a folder inside a project, of its own module type, and compiles fixtures in it. Rejects with what the compiler
 * reports. The JavaScript is in the folder's `out`.
 */
export async function compile(folder: string, { fixtures, type, ...tsconfig }: Compilation): Promise<string> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'compiled', private: true, type }))
  const compilerOptions = { rootDir: '.', outDir: 'out', declaration: true, ...tsconfig }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: fixtures }))
  for (const name of fixtures) await copyFile(fixture(name), join(folder, name))
  await run(process.execPath, [tsc, '-p', folder, '--pretty', 'false'])
  return join(folder, 'out')
}

/** As `tsc --init` has it, and more: the declarations of the package are checked as well. */
export const strictOptions = {
  ...{ target: 'es2022', module: 'nodenext', strict: true, skipLibCheck: false },
  ...{ noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, isolatedModules: true },
}
