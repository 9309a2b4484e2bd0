import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { loadedSize } from './support/loaded-size.ts'

// The layers, from the outside in. A file imports from its own layer and from those below it, never from one above.
// A file of src that is not named here is a part. A name that ends in a slash is that of a folder, with all that is in it.
const LAYERS: readonly (readonly [layer: string, files: readonly string[]])[] = [
  ['edges, each a subpath of the package: nothing imports them', ['testing/']],
  ['index', ['index']],
  ['doors to the default cache', ['default', 'configure']],
  ['cache: puts the parts together', ['cache']],
  [
    'doors of any cache: they are given a home and do not know the cache',
    ['cached', 'cached-many', 'decorators', 'method-policy', 'home', 'declared', 'by-hand'],
  ],
  ['what only calls need, and its loading', ['core', 'core-loader', 'first-calls', 'load-core', 'settle', 'space-now']],
  ['the path of a call', ['read-through', 'plain-hit', 'own-entry', 'engine']],
  ['parts and drivers', []],
  ['contracts', ['types', 'tier', 'events', 'errors', 'clock', 'drivers/driver']],
]
const PARTS = LAYERS.findIndex(([, files]) => files.length === 0)

/** What a runtime that is not Node has to offer as well. */
const BUILTINS = ['node:async_hooks', 'node:crypto']

const MAX_LINES = 350

/**
 * What a program loads by importing the package, minified and compressed. Measured: 15.0 kB; the aim is 12. Nearly all of
 * it has to answer at once: 3 kB check options, 3 kB make keys (`keyFor`, `secret` and `pattern` are synchronous), 2 kB are
 * the doors of functions and methods. Of the whole, 2.5 kB are what mistakes are told.
 */
const MAX_BYTES = 15_100

/**
 * What importing the package loads: what declaring needs, and what must not be lost. All else is behind the dynamic import
 * of `load-core`. A file that is added here is loaded by every program that imports the package, whether it calls or not.
 */
const STATIC = [
  ...[
    'index',
    'default',
    'configure',
    'cache',
    'cached',
    'cached-many',
    'decorators',
    'method-policy',
    'wrap',
    'names',
    'of-process',
  ],
  ...['options', 'policy', 'checks', 'duration', 'read-url', 'environment', 'redis/check-client', 'clock', 'errors'],
  ...['key', 'key-plan', 'kind', 'digest', 'pattern', 'commit-scope', 'load-signal', 'events', 'log', 'call'],
  ...['first-calls', 'core-loader', 'load-core', 'invalidation', 'compression'],
  ...['home', 'tenant', 'defaults', 'declared', 'by-hand', 'too-late', 'space', 'space-now'],
]

const root = fileURLToPath(new URL('..', import.meta.url))
const src = join(root, 'src')

interface Import {
  readonly from: string
  readonly to: string
  readonly line: number
  /** Erased by the compiler: nothing is loaded for it. */
  readonly typeOnly: boolean
  readonly dynamic: boolean
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => path.replaceAll('\\', '/').replace(/\.ts$/, ''))
  .sort()
const imports = files.flatMap(importsOf)
const inner = imports.filter(({ to }) => to.startsWith('.')).map((one) => ({ ...one, to: resolved(one) }))
const outer = imports.filter(({ to }) => !to.startsWith('.'))

describe('imports of src', () => {
  test('every file that the table of layers names is there', () => {
    const named = LAYERS.flatMap(([, names]) => names)
    expect(named.filter((name) => !files.some((file) => isNamed(file, name)))).toEqual([])
  })

  test('every import names a file that is there, with its extension', () => {
    expect(inner.filter(({ to }) => !files.includes(to)).map(spelled)).toEqual([])
  })

  // Types count too, but for those of parts that contracts are written in: a contract is loaded with nothing.
  test('they point one way', () => {
    const upwards = inner.filter(({ from, to }) => layerOf(to) < layerOf(from))
    expect(upwards.filter((one) => !isTypeInContract(one)).map(spelled)).toEqual([])
  })

  // Imports of types are left out: two types may well name each other, and nothing is loaded for them.
  test('they form no cycle', () => {
    expect(findCycles(inner.filter(({ typeOnly }) => !typeOnly))).toEqual([])
  })

  test('only the builtins that are listed are used', () => {
    const ofRedis = ['ioredis', 'node:module', 'node:zlib']
    const strangers = outer.filter(
      ({ from, to }) => !BUILTINS.includes(to) && !(from.startsWith('redis/') && ofRedis.includes(to)),
    )
    expect(strangers.map(spelled)).toEqual([])
  })

  test('ioredis is loaded by src/redis alone, and only when it is needed', () => {
    const early = outer.filter(
      ({ from, to, typeOnly, dynamic }) =>
        /^ioredis\b/.test(to) && !(from.startsWith('redis/') && (typeOnly || dynamic)),
    )
    expect(early.map(spelled)).toEqual([])
    expect(outer.some(({ to, dynamic }) => to === 'ioredis' && dynamic)).toBe(true)
  })

  test('node:zlib is loaded by src/redis/compress.ts alone, and only when it is needed', () => {
    const loads = outer.filter(({ to, typeOnly }) => to === 'node:zlib' && !typeOnly)
    expect(loads.map(({ from, dynamic }) => [from, dynamic])).toEqual([['redis/compress', true]])
  })
})

test('what importing the package loads is what is listed, and no more', () => {
  expect([...loadedBy('index')].sort()).toEqual([...STATIC].sort())
})

test(`no file of src is longer than ${MAX_LINES} lines`, () => {
  const lengths = files.map((file) => [`src/${file}.ts`, textOf(file).trimEnd().split('\n').length] as const)
  expect(lengths.filter(([, lines]) => lines > MAX_LINES)).toEqual([])
})

test(`what a program loads at first is at most ${MAX_BYTES / 1000} kB, minified and compressed`, async () => {
  expect(await loadedSize()).toBeLessThanOrEqual(MAX_BYTES)
})

test('docs/architecture.md names all files, and no others', () => {
  const text = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
  const named = [...new Set(text.match(/\bsrc\/[\w./-]*\w/g))]
  const there = new Set(files.flatMap((file) => [`src/${file}.ts`, posix.dirname(`src/${file}`)]))
  expect(named.filter((name) => !there.has(name))).toEqual([])
  expect(files.filter((file) => !named.includes(`src/${file}.ts`))).toEqual([])
})

function textOf(file: string): string {
  return readFileSync(join(src, `${file}.ts`), 'utf8')
}

function layerOf(file: string): number {
  const layer = LAYERS.findIndex(([, names]) => names.some((name) => isNamed(file, name)))
  return layer === -1 ? PARTS : layer
}

function isNamed(file: string, name: string): boolean {
  return name.endsWith('/') ? file.startsWith(name) : file === name
}

function isTypeInContract({ from, to, typeOnly }: Import): boolean {
  return typeOnly && layerOf(from) === LAYERS.length - 1 && layerOf(to) === PARTS
}

function spelled({ from, to, line }: Import): string {
  return `src/${from}.ts:${line} imports ${to}`
}

/** The file's path below src, without its ending; left as it is spelled when the ending is missing. */
function resolved({ from, to }: Import): string {
  return to.endsWith('.ts') ? posix.join(posix.dirname(from), to.slice(0, -'.ts'.length)) : to
}

/** Imports, re-exports, `import()`, `require()` and types such as `import('x').Y`. */
function importsOf(from: string): Import[] {
  const source = ts.createSourceFile(`${from}.ts`, textOf(from), ts.ScriptTarget.Latest, true)
  const found: Import[] = []
  const add = (specifier: ts.Node | undefined, kind: { typeOnly?: boolean; dynamic?: boolean }) => {
    if (!specifier) return
    const { line } = source.getLineAndCharacterOfPosition(specifier.getStart())
    const to = ts.isStringLiteralLike(specifier) ? specifier.text : `what ${specifier.getText()} says`
    found.push({ from, to, line: line + 1, typeOnly: kind.typeOnly ?? false, dynamic: kind.dynamic ?? false })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, { typeOnly: importsTypesOnly(node) })
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, { typeOnly: exportsTypesOnly(node) })
    else if (ts.isImportTypeNode(node))
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument, { typeOnly: true })
    else if (ts.isExternalModuleReference(node)) add(node.expression, {})
    else if (ts.isCallExpression(node)) {
      if (node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0], { dynamic: true })
      if (ts.isIdentifier(node.expression) && node.expression.text === 'require') add(node.arguments[0], {})
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** Under `verbatimModuleSyntax` only `import type` is erased whole: `import { type A } from` still loads the module. */
function importsTypesOnly({ importClause }: ts.ImportDeclaration): boolean {
  return importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
}

function exportsTypesOnly({ isTypeOnly }: ts.ExportDeclaration): boolean {
  return isTypeOnly
}

/** The file itself, and what its imports load at once. */
function loadedBy(file: string, loaded = new Set<string>()): ReadonlySet<string> {
  if (loaded.has(file)) return loaded
  loaded.add(file)
  for (const { from, to, typeOnly, dynamic } of inner) if (from === file && !typeOnly && !dynamic) loadedBy(to, loaded)
  return loaded
}

/** Each cycle once, as the list of its files. */
function findCycles(edges: readonly Import[]): string[] {
  const targets = new Map<string, string[]>()
  for (const { from, to } of edges) targets.set(from, [...(targets.get(from) ?? []), to])
  const done = new Set<string>()
  const cycles: string[] = []
  const follow = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' → '))
      return
    }
    if (done.has(file)) return
    for (const target of targets.get(file) ?? []) follow(target, [...path, file])
    done.add(file)
  }
  for (const file of targets.keys()) follow(file, [])
  return cycles
}
