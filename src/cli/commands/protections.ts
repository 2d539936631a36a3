/** `dockgate protections`: what protects the repositories of a gate that runs, and which tags it keeps. */
import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { isRecord } from '../../base/json.ts'
import { count } from '../../base/text.ts'
import { protectionText } from '../answers/protection-text.ts'
import { addGateOptions, GateClient, type GateOptions } from '../gates/gate-client.ts'
import { knownTags, protectionsOf, type Seeded, type ShownProtection, seed } from '../gates/protections.ts'
import { CommandError } from '../terminal/command-error.ts'
import * as output from '../terminal/output.ts'
import { showing } from '../terminal/progress.ts'

type Options = GateOptions & { readonly json?: true }

const EXAMPLES = `
Examples:
  export DOCKGATE_TOKEN=release-manager:…
  dockgate protections list --url https://registry.example.com
  dockgate protections seed release/app --url https://registry.example.com
  dockgate protections show release/app --json --url https://old.example.com > tags.json
  dockgate protections import tags.json --url https://registry.example.com

The token needs metadata/read on the repositories; seed and import need metadata/write.`

/** The command `dockgate protections` with its arguments, options and action. */
export const protectionsCommand = (): Command =>
  new Command('protections')
    .description('show what protects repositories of a running gate, and make it know their tags')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(seedCommand())
    .addCommand(importCommand())
    .addHelpText('after', EXAMPLES)

const gateCommand = (name: string, summary: string): Command =>
  addGateOptions(new Command(name).description(summary)).option('--json', 'print it as JSON')

const listCommand = (): Command =>
  gateCommand('list', 'list the protections of repositories')
    .argument('[repository...]', 'absent: those of the catalog that a protection covers')
    .action(async (named: readonly string[], options: Options) => {
      const client = new GateClient(options)
      const repositories = await showing('reading protections', () => protectionsOf(client, named))
      if (options.json === true) {
        output.json('protections list', { repositories })
        return
      }
      for (const { repository, protections } of repositories) {
        output.out(repository)
        output.out(protections.length === 0 ? '  nothing protects it' : protections.map((each) => `  ${lineOf(each)}`))
      }
      if (repositories.length === 0) output.note('no repository of the catalog is protected')
    })

const showCommand = (): Command =>
  gateCommand('show', 'show the protections of repositories, and the tags that the gate knows')
    .argument('<repository...>')
    .action(async (named: readonly string[], options: Options) => {
      const client = new GateClient(options)
      const repositories = []
      for (const found of await protectionsOf(client, named)) {
        repositories.push({ ...found, tags: await knownTags(client, found.repository) })
      }
      if (options.json === true) {
        output.json('protections show', { repositories })
        return
      }
      for (const { repository, protections, tags } of repositories) {
        output.out(repository)
        output.out(protections.length === 0 ? '  nothing protects it' : protections.map((each) => `  ${lineOf(each)}`))
        for (const { name, digest, confirmed, protection } of tags) {
          const kept = protection === undefined ? '' : `, kept by ${protection}`
          output.out(`  ${name}  ${digest}${kept}${confirmed ? '' : ', its push is not confirmed'}`)
        }
      }
    })

const seedCommand = (): Command =>
  gateCommand('seed', 'make the gate know the tags that the registry has')
    .argument('[repository...]', 'absent: those of the catalog that a write-once protection covers')
    .action(async (named: readonly string[], options: Options) => {
      const client = new GateClient(options)
      const repositories = await showing('reading tags', async () => {
        const found = await protectionsOf(client, named)
        const covered = found.filter(({ protections }) => protections.some(({ writeOnce }) => writeOnce === true))
        const seeded: Seeded[] = []
        for (const { repository } of covered) seeded.push(await seed(client, repository))
        return seeded
      })
      report('protections seed', repositories, options)
    })

const importCommand = (): Command =>
  gateCommand('import', 'make the gate know tags of another gate')
    .argument('<file>', 'what `dockgate protections show --json` has printed')
    .action(async (file: string, options: Options) => {
      const client = new GateClient(options)
      const wanted = await readTags(file)
      const repositories = await showing('reading tags', async () => {
        const seeded: Seeded[] = []
        for (const [repository, tags] of wanted) seeded.push(await seed(client, repository, tags))
        return seeded
      })
      report('protections import', repositories, options)
    })

function report(
  command: 'protections seed' | 'protections import',
  repositories: readonly Seeded[],
  { json }: Options,
): void {
  process.exitCode = repositories.every(({ conflicts }) => conflicts.length === 0) ? 0 : 1
  if (json === true) {
    output.json(command, { repositories })
    return
  }
  for (const { repository, covered, adopted, conflicts } of repositories) {
    output.out(`${repository}  ${count(covered, 'covered tag')}, ${adopted.length} new`)
    for (const { name, expected, found } of conflicts) {
      output.out(`  ${name} was ${expected}, the registry ${found === null ? 'does not have it' : `has ${found}`}`)
    }
  }
  if (repositories.length === 0) output.note('no repository has tags that are written once')
}

const lineOf = (protection: ShownProtection): string => `${protection.name}: ${protectionText(protection)}`

/** The tags of each repository in a file of `protections show --json`. */
async function readTags(file: string): Promise<readonly (readonly [string, Readonly<Record<string, string>>])[]> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new CommandError(2, `${file} cannot be read`, { cause })
  }
  const tags = tagsIn(text)
  if (tags !== undefined) return tags
  throw new CommandError(1, `${file} is not what \`dockgate protections show --json\` prints`, {
    hint: 'dockgate protections show REPOSITORY --json > FILE',
  })
}

function tagsIn(text: string): readonly (readonly [string, Readonly<Record<string, string>>])[] | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const repositories: unknown = isRecord(value) ? value.repositories : undefined
  if (!Array.isArray(repositories)) return undefined
  const found: (readonly [string, Readonly<Record<string, string>>])[] = []
  for (const each of repositories) {
    if (!isRecord(each) || typeof each.repository !== 'string' || !Array.isArray(each.tags)) return undefined
    const pairs = each.tags.map((tag: unknown) => (isRecord(tag) ? [tag.name, tag.digest] : []))
    if (!pairs.every((pair): pair is [string, string] => pair.every((part) => typeof part === 'string')))
      return undefined
    found.push([each.repository, Object.fromEntries(pairs)])
  }
  return found
}
