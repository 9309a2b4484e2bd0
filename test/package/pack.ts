import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { npm, root, run } from './run.ts'

/** What the tests of the package share in one run. All of it is in a temporary directory, far from our node_modules. */
export interface Packed {
  readonly directory: string
  readonly tarball: string
  /** What is in the tarball. */
  readonly files: readonly string[]
  /** A project into which the tarball has been installed, with the ioredis that we develop on. */
  readonly service: string
  /** Another, with the next major version of ioredis. */
  readonly serviceOnIoredis6: string
  /** Another, with Jest. */
  readonly serviceWithJest: string
  /** A project with the package alone: not even ioredis. */
  readonly alone: string
  /** Executables by major version. */
  readonly nodes: Readonly<Record<string, string>>
}

declare module 'vitest' {
  interface ProvidedContext {
    packed: Packed
  }
}

/** The oldest that we support, and all that have been or will be released for long-term support since. */
const MAJORS = ['20', '22', '24', '26']

export default async function pack(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'cachewell-package-'))
  const remove = () => rm(directory, { recursive: true, force: true })
  try {
    const [packed, nodes] = await Promise.all([packAndInstall(directory), installNodes(directory)])
    project.provide('packed', { directory, ...packed, nodes })
  } catch (error) {
    await remove()
    throw error
  }
  return remove
}

async function packAndInstall(directory: string) {
  const { stdout } = await npm(['pack', '--json', '--silent', '--pack-destination', directory], root)
  // The build before it may write to the same output.
  const [report] = JSON.parse(stdout.slice(stdout.search(/^\[$/m))) as [{ filename: string; files: { path: string }[] }]
  const tarball = join(directory, report.filename)

  const service = join(directory, 'service')
  const helpers = ['reflect-metadata', 'tslib', '@types/node'].map(asInstalled)
  await install(service, [tarball, asInstalled('ioredis'), ...helpers])

  const serviceOnIoredis6 = join(directory, 'service-on-ioredis-6')
  await install(serviceOnIoredis6, [tarball, `ioredis@${versionOf('ioredis6')}`, asInstalled('@types/node')])

  const serviceWithJest = join(directory, 'service-with-jest')
  await install(serviceWithJest, [tarball, 'jest@30'])

  const alone = join(directory, 'alone')
  const unpacked = join(alone, 'node_modules/cachewell')
  await mkdir(unpacked, { recursive: true })
  await run('tar', ['-xzf', tarball, '-C', unpacked, '--strip-components=1'])

  return { tarball, files: report.files.map(({ path }) => path), service, serviceOnIoredis6, serviceWithJest, alone }
}

/** The Node that runs us, and the others from npm: the packages from which the package `node` takes its binary. */
async function installNodes(directory: string): Promise<Record<string, string>> {
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const name = `node-${platform}-${process.arch}`
  const nodes: Record<string, string> = {}
  for (const major of MAJORS) {
    if (process.versions.node.startsWith(`${major}.`)) {
      nodes[major] = process.execPath
      continue
    }
    const project = join(directory, `node-${major}`)
    await install(project, [`${name}@${major}`])
    nodes[major] = join(project, 'node_modules', name, platform === 'win' ? 'bin/node.exe' : 'bin/node')
  }
  return nodes
}

async function install(project: string, packages: readonly string[]): Promise<void> {
  await mkdir(project, { recursive: true })
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'scratch', private: true }))
  await npm(['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages], project)
}

const asInstalled = (name: string): string => `${name}@${versionOf(name)}`
// Not by `require`: some packages export no package.json.
const versionOf = (name: string): string =>
  JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version
