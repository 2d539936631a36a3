/** `dockgate import`: the rules of other systems as a policy file, and what has no equal here. */
import { readFile, writeFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { count } from '../../base/text.ts'
import { decodeUtf8 } from '../../files/file-text.ts'
import { type PolicyText, readPolicies } from '../../files/load.ts'
import { formatSource } from '../../files/problem.ts'
import { importAzure } from '../../importers/azure.ts'
import { importDockerAuth } from '../../importers/docker-auth.ts'
import type { Finding, Imported } from '../../importers/finding.ts'
import { ImportError } from '../../importers/input.ts'
import { importZot } from '../../importers/zot.ts'
import type { Mode } from '../../policy/model.ts'
import { CommandError } from '../terminal/command-error.ts'
import * as output from '../terminal/output.ts'

type Common = { readonly out?: string; readonly json?: true }
type AzureOptions = Common & {
  readonly mode?: Mode
  readonly tenant?: string
  readonly service?: string
  readonly registry?: string
}

const EXAMPLES = `
Examples:
  az role assignment list --scope "$REGISTRY_ID" --include-inherited > assignments.json
  az acr show -n contoso > registry.json
  az acr scope-map list -r contoso > maps.json && az acr token list -r contoso > tokens.json
  dockgate import azure registry.json assignments.json maps.json tokens.json --tenant "$TENANT_ID" -o policies/azure.yaml
  dockgate import docker-auth auth_config.yml --service "Docker registry" -o policies/docker-auth.yaml
  dockgate import zot config.json -o policies/zot.yaml

The policy goes to standard output or to a new file, the report to standard error. Exit status 0: the policy decides as the
original did. 1: it gives less in the places that the report calls lost, and more in those that it calls wider.`

/** The command `dockgate import` with its arguments, options and action. */
export const importCommand = (): Command =>
  new Command('import')
    .description('turn the rules of another system into a policy file')
    .addCommand(azureCommand())
    .addCommand(dockerAuthCommand())
    .addCommand(zotCommand())
    .addHelpText('after', EXAMPLES)

const subcommand = (name: string, description: string): Command =>
  new Command(name)
    .description(description)
    .option('-o, --out <file>', 'write the policy there; never overwrites')
    .option('--json', 'print policy and report as JSON')
    .addHelpText('after', EXAMPLES)

const azureCommand = (): Command =>
  subcommand(
    'azure',
    'the registry and its role assignments, role definitions, scope maps and tokens, as `az` prints them',
  )
    .argument('<file...>', 'JSON files')
    .addOption(
      new Option(
        '--mode <mode>',
        "the registry's role assignment permissions mode (default: what az acr show says)",
      ).choices(['abac', 'rbac']),
    )
    .option('--tenant <id>', 'the Entra tenant of the principals')
    .option('--registry <name>', 'the registry that is meant, if the lists name several')
    .option('--service <host>', 'host name of the gate (default: that of the registry)')
    .action(async (files: readonly string[], { out, json, ...options }: AzureOptions) => {
      const texts = await Promise.all(files.map(readText))
      await deliver(() => importAzure(texts, options), { out, json })
    })

const dockerAuthCommand = (): Command =>
  subcommand('docker-auth', 'the acl and the users of a docker_auth configuration')
    .argument('<file>', 'YAML file')
    .option('--service <name>', 'the service that the registry asks with, for entries that name one')
    .action(async (file: string, { out, json, ...options }: Common & { readonly service?: string }) => {
      const { path, text } = await readText(file)
      await deliver(() => importDockerAuth(path, text, options), { out, json })
    })

const zotCommand = (): Command =>
  subcommand('zot', 'the accessControl of a zot configuration')
    .argument('<file>', 'JSON or YAML file')
    .option('--create-is-write', 'let those who may create tags overwrite them too')
    .action(async (file: string, { out, json, createIsWrite }: Common & { readonly createIsWrite?: true }) => {
      const { path, text } = await readText(file)
      await deliver(() => importZot(path, text, { createIsWrite: createIsWrite === true }), { out, json })
    })

async function readText(file: string): Promise<PolicyText> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new CommandError(2, `${file} cannot be read`, { hint: 'name the file to import', cause })
  })
  const decoded = decodeUtf8(bytes)
  if ('text' in decoded) return { path: file, text: decoded.text }
  const { message, hint } = decoded.reason
  throw new CommandError(1, `${file}: ${message}`, hint === undefined ? {} : { hint })
}

async function deliver(
  run: () => Imported,
  { out, json }: { out: string | undefined; json: true | undefined },
): Promise<void> {
  const { text, findings } = imported(run)
  const invalid = readPolicies([{ path: 'imported.yaml', text }]).problems.find(({ severity }) => severity === 'error')
  if (invalid !== undefined) throw new Error(`the imported policy is not valid: ${invalid.message}\n${text}`)
  if (out !== undefined) await writeNew(out, text)
  const marked = (severity: Finding['severity']) => findings.filter((finding) => finding.severity === severity).length
  const [lost, wider] = [marked('lost'), marked('wider')]
  if (json === true)
    output.json('import azure', {
      complete: lost + wider === 0,
      findings,
      ...(out === undefined ? { policy: text } : { out }),
    })
  else {
    if (out === undefined) output.file(text)
    for (const finding of findings) output.note(formatFinding(finding))
  }
  if (lost + wider === 0) return
  const what = [
    ...(lost > 0 ? [`${count(lost, 'rule')} could not be imported, or not whole`] : []),
    ...(wider > 0 ? [`the policy gives more than the original in ${count(wider, 'place')}`] : []),
  ].join('; ')
  const hint =
    wider === 0
      ? 'they are marked lost; the imported policy gives less there, and nowhere more'
      : 'the places are marked lost (less) and wider (more): look at each before you deploy the policy'
  throw new CommandError(1, what, { hint })
}

function imported(run: () => Imported): Imported {
  try {
    return run()
  } catch (cause) {
    if (!(cause instanceof ImportError)) throw cause
    throw new CommandError(1, cause.message, { ...(cause.hint === undefined ? {} : { hint: cause.hint }), cause })
  }
}

const formatFinding = ({ severity, source, message, hint }: Finding): readonly string[] => {
  const head = `${formatSource(source)}: ${output.noteStyle(severity === 'note' ? 'yellow' : 'red', `${severity}:`)} ${message}`
  return hint === undefined ? [head] : [head, `    hint: ${hint}`]
}

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx' })
  } catch (cause) {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    throw exists
      ? new CommandError(1, `${file} exists and is not overwritten`, { hint: 'name another file with --out', cause })
      : new CommandError(3, `${file} cannot be written`, { hint: 'name another file with --out', cause })
  }
}
