import type { RedisServer } from '../../support/redis-server.ts'
import { type Reply, ReplyError } from '../../support/resp.ts'

/** A command as a server got it: its name and its arguments. */
export type Given = readonly string[]

/** What a server itself tells of its commands, by names such as `set` and `client|tracking`. */
export type CommandHistory = ReadonlyMap<string, CommandDoc>

interface CommandDoc {
  readonly since: string
  /** Words that are options, such as `PX`. */
  readonly words: readonly Since[]
  /** Sentences. */
  readonly changes: readonly Since[]
}

interface Since {
  readonly text: string
  readonly since: string
}

/** `undefined` of a server before 7.0, which does not tell. */
export async function commandHistory(server: RedisServer): Promise<CommandHistory | undefined> {
  try {
    return new Map(commandsOf(await server.command('COMMAND', 'DOCS')))
  } catch (error) {
    if (error instanceof ReplyError) return undefined
    throw error
  }
}

/**
 * What of a command came later than `floor`: the command, an option, or that all those words may be given which a
 * change quotes. A change that quotes none is told of as well, since nobody can tell whether it matters; but for one that
 * says that there may be several arguments, where there is one.
 */
export function newerThan(floor: string, given: Given, history: CommandHistory): string[] {
  const [name = '', subcommand] = given.map((part) => part.toLowerCase())
  const found = [name, `${name}|${subcommand}`].find((full) => history.has(full))
  if (found === undefined) return [`${name.toUpperCase()} is unknown to this server`]
  const { since, words, changes } = history.get(found) as CommandDoc
  const used = new Set(given.slice(found.split('|').length).map((part) => part.toUpperCase()))
  const usedWords = words.filter(({ text }) => used.has(text))
  const several = given.length - found.split('|').length > 1
  const usedChanges = changes.filter(({ text }) => {
    return quoted(text).every((word) => used.has(word)) && (several || !text.includes('multiple'))
  })
  const shown = found.replace('|', ' ').toUpperCase()
  return [{ text: '', since }, ...usedWords, ...usedChanges]
    .filter((each) => isNewer(each.since, floor))
    .map((each) => [shown, each.text, 'since', each.since].filter(Boolean).join(' '))
}

function quoted(sentence: string): string[] {
  return [...sentence.matchAll(/[`']([^`']+)[`']/g)].map(([, word]) => String(word).toUpperCase())
}

function isNewer(version: string, floor: string): boolean {
  const parts = version.split('.').map(Number)
  const than = floor.split('.').map(Number)
  const differs = parts.findIndex((part, i) => part !== than[i])
  return differs >= 0 && Number(parts[differs]) > (than[differs] ?? 0)
}

/** Of a command with subcommands only those are given: nobody sends the rest without them. */
function* commandsOf(docs: Reply | undefined): Generator<[string, CommandDoc]> {
  for (const [name, doc] of fieldsOf(docs)) {
    const fields = fieldsOf(doc)
    const subcommands = [...commandsOf(fields.get('subcommands'))]
    if (subcommands.length > 0) yield* subcommands
    else yield [name, docOf(fields)]
  }
}

function docOf(fields: ReadonlyMap<string, Reply>): CommandDoc {
  const since = String(fields.get('since'))
  const changes = listOf(fields.get('history')).map((change) => {
    const [version, text] = listOf(change)
    return { since: String(version), text: String(text) }
  })
  return { since, words: [...wordsOf(fields.get('arguments'), since)], changes }
}

/** An argument may be a choice or a block of others, which then came with it unless they say otherwise. */
function* wordsOf(args: Reply | undefined, outerSince: string): Generator<Since> {
  for (const arg of listOf(args)) {
    const fields = fieldsOf(arg)
    const since = String(fields.get('since') ?? outerSince)
    const token = fields.get('token')
    if (token !== undefined) yield { text: String(token).toUpperCase(), since }
    yield* wordsOf(fields.get('arguments'), since)
  }
}

function listOf(reply: Reply | undefined): readonly Reply[] {
  return Array.isArray(reply) ? reply : []
}

/** RESP2 has no maps: names and values take turns. */
function fieldsOf(reply: Reply | undefined): Map<string, Reply> {
  const list = listOf(reply)
  const names = list.filter((_, i) => i % 2 === 0)
  return new Map(names.map((name, i) => [String(name), list[2 * i + 1] as Reply]))
}
