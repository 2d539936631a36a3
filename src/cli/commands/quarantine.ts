/** `dockgate quarantine`: what a gate that runs holds back, and decisions about it. */
import { Command, Option } from 'commander'
import { parseDigest } from '../../registry/name.ts'
import { addGateOptions, GateClient, type GateOptions } from '../gates/gate-client.ts'
import { manifestState, type QuarantinedManifest, quarantinedManifests } from '../gates/protections.ts'
import { CommandError } from '../terminal/command-error.ts'
import * as output from '../terminal/output.ts'
import { showing } from '../terminal/progress.ts'

type Options = GateOptions & { readonly json?: true }

const STATES = ['pending', 'passed', 'failed', 'all'] as const

const EXAMPLES = `
Examples:
  export DOCKGATE_TOKEN=scanner:…
  dockgate quarantine list prod/shop --url https://registry.example.com
  dockgate quarantine release prod/shop sha256:… --details '{"scanner":"trivy"}' --url https://registry.example.com

The token needs quarantine/read on the repositories; release and reject need quarantine/write.`

/** The command `dockgate quarantine` with its arguments, options and action. */
export const quarantineCommand = (): Command =>
  new Command('quarantine')
    .description('list, release and reject what a running gate holds back')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(decisionCommand('release', 'Passed', 'let a manifest be pulled'))
    .addCommand(decisionCommand('reject', 'Failed', 'hold a manifest back'))
    .addHelpText('after', EXAMPLES)

const gateCommand = (name: string, summary: string): Command =>
  addGateOptions(new Command(name).description(summary)).option('--json', 'print it as JSON')

const listCommand = (): Command =>
  gateCommand('list', 'list the manifests of repositories that have a quarantine')
    .argument('[repository...]', 'absent: those of the catalog')
    .addOption(new Option('--state <state>', 'only these').choices(STATES).default('pending'))
    .action(async (named: readonly string[], options: Options & { readonly state: (typeof STATES)[number] }) => {
      const client = new GateClient(options)
      const all = await showing('reading manifests', () => quarantinedManifests(client, named))
      const manifests = all.filter(({ state }) => options.state === 'all' || state === options.state)
      if (options.json === true) output.json('quarantine list', { manifests })
      else if (manifests.length > 0) output.out(manifests.map(lineOf))
      else output.note(`no manifest is ${options.state === 'all' ? 'in a quarantine' : options.state}`)
    })

const showCommand = (): Command =>
  gateCommand('show', 'show the state of a manifest')
    .argument('<repository>')
    .argument('<digest>')
    .action(async (repository: string, digest: string, options: Options) => {
      print('quarantine show', await stateOf(repository, digest, options), options)
    })

const decisionCommand = (name: 'release' | 'reject', quarantineState: 'Passed' | 'Failed', summary: string): Command =>
  gateCommand(name, summary)
    .argument('<repository>')
    .argument('<digest>')
    .option('--details <text>', 'recorded with the decision, such as the report of a scanner')
    .action(async (repository: string, digest: string, options: Options & { readonly details?: string }) => {
      const { details } = options
      const decision = { quarantineState, ...(details === undefined ? {} : { quarantineDetails: details }) }
      print(`quarantine ${name}`, await stateOf(repository, digest, options, decision), options)
    })

async function stateOf(
  repository: string,
  digest: string,
  options: Options,
  decision?: Parameters<typeof manifestState>[3],
): Promise<QuarantinedManifest> {
  if (!parseDigest(digest).ok) {
    throw new CommandError(2, `'${digest}' is not a digest`, {
      hint: 'write it as sha256:…, as `quarantine list` does',
    })
  }
  const client = new GateClient(options)
  const manifest = await manifestState(client, repository, digest, decision)
  if (manifest !== undefined) return manifest
  throw new CommandError(3, `${options.url} gave an answer without a manifest`, {
    hint: 'is it a gate, of this version?',
  })
}

function print(
  command: 'quarantine show' | 'quarantine release' | 'quarantine reject',
  manifest: QuarantinedManifest,
  { json }: Options,
): void {
  if (json === true) output.json(command, manifest)
  else output.out(lineOf(manifest))
}

function lineOf({ repository, digest, state, tags, seen, details }: QuarantinedManifest): string {
  const names = tags.length === 0 ? '' : `  ${tags.join(', ')}`
  const since = seen === undefined ? '' : `  since ${seen}`
  return `${state ?? 'never held back'}  ${repository}@${digest}${names}${since}${details === undefined ? '' : `  ${details}`}`
}
