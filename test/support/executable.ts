import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** What a variable names, where it is set (then nothing else will do), else the first of these names on the PATH. */
export function findExecutable(named: string | undefined, names: readonly string[], path = ''): string | undefined {
  if (named) return isExecutable(named) ? named : undefined
  const folders = path.split(delimiter).filter(Boolean)
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
