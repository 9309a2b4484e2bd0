import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = (name: string) =>
  readdirSync(fileURLToPath(new URL(name, import.meta.url)))
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .map((file) => fileURLToPath(new URL(`${name}/${file}`, import.meta.url)))

const good = folder('fixtures/good')
const bad = folder('fixtures/bad')

const base: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts', 'lib.esnext.decorators.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  allowImportingTsExtensions: true,
  noEmit: true,
  skipLibCheck: true,
  types: ['node'],
  paths: { cachewell: [`${root}src/index.ts`] },
}
const strict: ts.CompilerOptions = { strict: true, noImplicitOverride: true, exactOptionalPropertyTypes: true }
/** What `nest new` writes. */
const loose: ts.CompilerOptions = {
  strict: false,
  strictNullChecks: false,
  noImplicitAny: false,
  strictBindCallApply: false,
  forceConsistentCasingInFileNames: false,
  noFallthroughCasesInSwitch: false,
}
const tc39: ts.CompilerOptions = { experimentalDecorators: false }
const legacy: ts.CompilerOptions = { experimentalDecorators: true, emitDecoratorMetadata: true }

describe.each<[string, ts.CompilerOptions]>([
  ['TC39 decorators, strict', { ...base, ...tc39, ...strict }],
  ['TC39 decorators, as loose as Nest', { ...base, ...tc39, ...loose }],
  ['experimentalDecorators, strict', { ...base, ...legacy, ...strict }],
  ['experimentalDecorators, as loose as Nest', { ...base, ...legacy, ...loose }],
])('%s:', (_name, options) => {
  const isMeant = (file: string) => !options.experimentalDecorators || !file.endsWith('.tc39.ts')
  const program = ts.createProgram([...good, ...bad].filter(isMeant), options)

  test.each(good.filter(isMeant).map(shown))('%s has no errors', (file) => {
    expect(problemsOf(program, file).map(({ line, message }) => `${line}: ${message}`)).toEqual([])
  })

  test.each(bad.map(shown))('%s has the errors that it expects, where it expects them', (file) => {
    const problems = problemsOf(program, file)
    const expected = expectedIn(file)
    const unmet = expected.filter(
      (one) => !problems.some((p) => p.line === one.line && p.message.includes(one.message)),
    )
    const unexpected = problems.filter((p) => !expected.some(({ line }) => line === p.line))
    expect(expected.length).toBeGreaterThan(0)
    expect({ unmet, unexpected }).toEqual({ unmet: [], unexpected: [] })
  })
})

test('the tests of decorators have no errors under experimentalDecorators', () => {
  const files = [...folder('../legacy'), ...folder('../decorators/bodies')]
  const program = ts.createProgram(files, { ...base, ...legacy, ...strict, exactOptionalPropertyTypes: false })
  expect(files.flatMap((file) => problemsOf(program, shown(file)))).toEqual([])
})

interface Problem {
  /** From one. */
  readonly line: number
  readonly message: string
}

function problemsOf(program: ts.Program, file: string): Problem[] {
  const source = program.getSourceFile(root + file) as ts.SourceFile
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((problem) => ({
    line: source.getLineAndCharacterOfPosition(problem.start as number).line + 1,
    message: ts.flattenDiagnosticMessageText(problem.messageText, '\n'),
  }))
}

/** `// expect-error: <part of the message>`, on the line of the error or on a line of its own above. */
function expectedIn(file: string): Problem[] {
  return readFileSync(root + file, 'utf8')
    .split('\n')
    .flatMap((text, index) => {
      const [code, message] = text.split('// expect-error:')
      return message === undefined ? [] : [{ line: index + (code?.trim() ? 1 : 2), message: message.trim() }]
    })
}

function shown(file: string): string {
  return file.slice(root.length)
}
