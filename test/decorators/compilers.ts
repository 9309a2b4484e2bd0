import { readFileSync } from 'node:fs'
import { transformSync } from 'esbuild'
import ts from 'typescript'

const typescript = (source: string, experimentalDecorators: boolean): string =>
  ts.transpileModule(source, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.CommonJS,
      esModuleInterop: true,
      experimentalDecorators,
      emitDecoratorMetadata: experimentalDecorators,
    },
  }).outputText

const esbuild = (source: string, experimentalDecorators: boolean): string =>
  transformSync(source, {
    loader: 'ts',
    format: 'cjs',
    target: 'node20',
    tsconfigRaw: { compilerOptions: { experimentalDecorators } },
  }).code

/** Who compiles decorators, and in which mode: their helpers differ. */
export const compilers = {
  'TC39 decorators, TypeScript': (source: string) => typescript(source, false),
  'TC39 decorators, esbuild': (source: string) => esbuild(source, false),
  'experimentalDecorators, TypeScript': (source: string) => typescript(source, true),
  'experimentalDecorators, esbuild': (source: string) => esbuild(source, true),
}

export type Compiler = (source: string) => string

/** Compiles a file and runs it, with modules that are already loaded; what it exports. */
export async function runCompiled(file: URL, compile: Compiler): Promise<Record<string, any>> {
  const listening = await import('./listening-cache.ts')
  const modules: Record<string, unknown> = {
    cachewell: await import('cachewell'),
    'reflect-metadata': await import('reflect-metadata'),
    vitest: await import('vitest'),
    '../listening-cache.ts': listening,
    '../decorators/listening-cache.ts': listening,
    'node:v8': await import('node:v8'),
    'node:vm': await import('node:vm'),
  }
  const exports: Record<string, any> = {}
  const require = (name: string) => modules[name] ?? raise(new Error(`add ${name} to the modules of runCompiled`))
  const code = compile(readFileSync(file, 'utf8'))
  new Function('module', 'exports', 'require', code)({ exports }, exports, require)
  return exports
}

function raise(error: Error): never {
  throw error
}
