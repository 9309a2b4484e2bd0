import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Block, fencedBlocks, nameOf } from './support/code-blocks.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const filesIn = (folder: string, ending: string, recursive = false) =>
  readdirSync(join(root, folder), { recursive, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`)
    .sort()

const pages = ['README.md', ...filesIn('docs', '.md')]
const sources = filesIn('src', '.ts', true)

/** What a reader of the page is likely to have: strict, TC39 decorators, Node's types. */
const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts', 'lib.esnext.decorators.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  moduleDetection: ts.ModuleDetectionKind.Force,
  allowImportingTsExtensions: true,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  // Jest's globals are those of vitest, as far as a page uses them.
  types: ['node', 'vitest/globals'],
  paths: { cachewell: [join(root, 'src/index.ts')], 'cachewell/testing': [join(root, 'src/testing/index.ts')] },
}

describe('code blocks', () => {
  const blocks = [...pages.flatMap(blocksOfPage), ...sources.flatMap(blocksOfSource)]
  let problems: string[] = []
  beforeAll(() => {
    problems = typeProblems(blocks)
  }, 60_000)

  const files = [...new Set(blocks.map(({ file }) => file))]
  const isIn = (file: string) => (problem: string) => problem.startsWith(`${file}:`)

  test.each(files)('of %s are valid TypeScript', (file) => {
    expect(problems.filter(isIn(file))).toEqual([])
  })

  test('can be checked', () => {
    expect(problems.filter((problem) => !files.some((file) => isIn(file)(problem)))).toEqual([])
  })

  test('are in README.md and in doc comments', () => {
    expect(blocks.some(({ file }) => file === 'README.md')).toBe(true)
    expect(blocks.some(({ file }) => file.startsWith('src/'))).toBe(true)
  })

  test('hold every @example of src', () => {
    expect(sources.flatMap(examplesWithoutCode)).toEqual([])
  })

  test('have their problems found and placed', () => {
    const block = {
      file: 'page.md',
      line: 10,
      code: "import { cached } from 'cachewell'\n\ncached(async () => 1, {})\n",
    }
    expect(typeProblems([block])).toEqual([expect.stringMatching(/^page\.md:12: .*'ttl'/s)])
  })
})

describe('links', () => {
  test.each(pages)('of %s lead somewhere', (page) => {
    expect(linksOf(page).flatMap((link) => linkProblem(page, link))).toEqual([])
  })
})

function blocksOfPage(file: string): Block[] {
  return fencedBlocks(read(file).split('\n'), file, 1)
}

function blocksOfSource(file: string): Block[] {
  return docCommentsOf(file).flatMap(({ lines, line }) => fencedBlocks(lines, file, line))
}

/** The text of each doc comment, without the asterisks at its left. */
function docCommentsOf(file: string): { lines: string[]; line: number }[] {
  const text = read(file)
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const comments = new Map<number, { lines: string[]; line: number }>()
  const visit = (node: ts.Node): void => {
    for (const comment of ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc)) {
      const lines = comment
        .getText(source)
        .replace(/^\/\*\*/, '')
        .replace(/\*\/$/, '')
        .split('\n')
      const line = source.getLineAndCharacterOfPosition(comment.getStart(source)).line + 1
      comments.set(comment.pos, { lines: lines.map((one) => one.replace(/^\s*\* ?/, '')), line })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return [...comments.values()]
}

function examplesWithoutCode(file: string): string[] {
  return docCommentsOf(file).flatMap(({ lines, line }) =>
    lines.flatMap((text, index) => {
      if (!text.startsWith('@example')) return []
      const next = lines.slice(index + 1).find((one) => one.trim() !== '')
      return next?.startsWith('```ts') ? [] : [`${file}:${line + index}: this example is no \`\`\`ts block`]
    }),
  )
}

/** Checks each block as a module of its own that stands beside its page. */
function typeProblems(blocks: readonly Block[]): string[] {
  const modules = new Map(
    blocks.map((block, i) => [join(root, dirname(block.file), nameOf(block) ?? `.block-${i}.ts`), block] as const),
  )
  const host = ts.createCompilerHost(compilerOptions)
  const { readFile, fileExists } = host
  host.readFile = (path) => modules.get(path)?.code ?? readFile(path)
  host.fileExists = (path) => modules.has(path) || fileExists(path)
  const { getSourceFile } = host
  host.getSourceFile = (path, languageVersion, ...rest) => {
    const block = modules.get(path)
    return block
      ? ts.createSourceFile(path, block.code, languageVersion)
      : getSourceFile(path, languageVersion, ...rest)
  }
  const program = ts.createProgram([...modules.keys()], compilerOptions, host)
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')
    if (!diagnostic.file) return message
    const { fileName } = diagnostic.file
    const { line } = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start ?? 0)
    const block = modules.get(fileName)
    return block
      ? `${block.file}:${block.line + line}: ${message}`
      : `${relative(root, fileName)}:${line + 1}: ${message}`
  })
}

interface Link {
  readonly target: string
  readonly line: number
}

/** Inline links and images, reference definitions, and the `href` and `src` of HTML. */
function linksOf(page: string): Link[] {
  const patterns = [
    /\]\(\s*<?([^\s)>]+)>?(?:\s+["'(][^)]*)?\)/g,
    /^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)/g,
    /\b(?:href|src)="([^"]+)"/g,
  ]
  return proseOf(page).flatMap((text, index) =>
    patterns.flatMap((pattern) =>
      [...text.matchAll(pattern)].map(([, target]) => ({ target: target as string, line: index + 1 })),
    ),
  )
}

function linkProblem(page: string, { target, line }: Link): string[] {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return []
  const [path = '', anchor] = target.split('#')
  const problem = (what: string) => [`${page}:${line}: ${target}: ${what}`]
  if (path.startsWith('/')) return problem('write a relative link')
  const file = path === '' ? join(root, page) : resolve(root, dirname(page), decodeURIComponent(path))
  if (!file.startsWith(root)) return problem('leads out of the repository')
  if (!existsSync(file)) return problem('there is no such file')
  if (anchor === undefined || !file.endsWith('.md') || statSync(file).isDirectory()) return []
  return anchorsOf(relative(root, file)).has(anchor) ? [] : problem('there is no such heading')
}

/** The page's lines, with code blanked out: what looks like a link or a heading there is none. */
function proseOf(page: string): string[] {
  let fence: string | undefined
  return read(page)
    .split('\n')
    .map((text) => {
      const marks = /^\s*(`{3,}|~{3,})/.exec(text)?.[1]
      if (fence === undefined && !marks)
        return text.replace(/(`+)(?!`).*?[^`]\1(?!`)/g, (code) => '`'.padEnd(code.length))
      if (fence === undefined) fence = marks
      else if (marks?.startsWith(fence)) fence = undefined
      return ''
    })
}

/** Ids as hosts of Markdown derive them from headings, and those that are written as HTML. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>()
  const prose = proseOf(page)
  read(page)
    .split('\n')
    .forEach((text, index) => {
      for (const [, id] of (prose[index] as string).matchAll(/\b(?:id|name)="([^"]+)"/g)) anchors.add(id as string)
      const heading = prose[index] === '' ? undefined : /^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$/.exec(text)?.[1]
      if (heading === undefined) return
      const slug = heading
        .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
        .replaceAll(' ', '-')
      let id = slug
      for (let again = 1; anchors.has(id); again++) id = `${slug}-${again}`
      anchors.add(id)
    })
  return anchors
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}
