/**
 * `dockgate deploy`: every step from a deployment project to a gate that runs. What is there already is kept, so it may be
 * run again at any time and goes on where it stopped. A key is never shown and never overwritten.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { count } from '../../../base/text.ts'
import { tellFailures } from '../../answers/failing-tests.ts'
import { DEFAULT_DIRECTORY, type Policies, readPolicies } from '../../answers/policies.ts'
import { requireOwnPolicies } from '../../bundles/example-policies.ts'
import { type BundleName, waitForBundle } from '../../bundles/gate-status.ts'
import { DEFAULT_POINTER } from '../../bundles/kv-options.ts'
import { publish } from '../../bundles/publish.ts'
import { wranglerKv } from '../../bundles/wrangler-kv.ts'
import { generateKeys, KEY_FILES, needSigningKey, readText, writeKeys } from '../../keys/key-files.ts'
import { Probe } from '../../probing/check.ts'
import { formatFinding, runChecks, targetOf } from '../../probing/run.ts'
import { CommandError } from '../../terminal/command-error.ts'
import * as output from '../../terminal/output.ts'
import { type Account, createNamespace, deployWorker, putSecrets, readAccount } from './account.ts'
import { type LocalKeys, namespaceTitle, type Plan, planOf, TOKEN_KEY, UPSTREAM_SECRETS } from './plan.ts'
import { readSettings, type Settings, withNamespaceId, withPublicKeys } from './settings.ts'

type Options = {
  readonly config: string
  readonly policies: string
  readonly keys: string
  readonly url?: string
  readonly dryRun?: true
}

const EXAMPLES = `
Examples:
  dockgate deploy --dry-run
  UPSTREAM_USERNAME=gate UPSTREAM_PASSWORD=… dockgate deploy
  dockgate deploy --policies deploy/policies --keys ../secrets/keys

Shows the plan, then makes the signing keys, the KV namespace, the Worker, its secrets and the first push, and asks the gate
for what it must refuse. What is there already is kept. The account of the gate at the registry is taken from
UPSTREAM_USERNAME and UPSTREAM_PASSWORD, or from UPSTREAM_AUTHORIZATION, in the environment.`

/** The command `dockgate deploy` with its arguments, options and action. */
export const deployCommand = (): Command =>
  new Command('deploy')
    .description('set up the gate on Cloudflare: keys, KV namespace, Worker, secrets, first push, probe')
    .option('--config <file>', "wrangler's configuration file", 'wrangler.toml')
    .option('--policies <dir>', 'policy folder', DEFAULT_DIRECTORY)
    .option('--keys <dir>', 'folder of the signing keys', 'keys')
    .option('--url <url>', 'address of the gate (default: PUBLIC_URL of the configuration)')
    .option('--dry-run', 'change nothing; show the plan')
    .addHelpText('after', EXAMPLES)
    .action(run)

async function run(options: Options): Promise<void> {
  const { config, keys: directory, dryRun = false } = options
  const text = await readText(config)
  if (text === undefined) {
    throw new CommandError(2, `the file ${config} does not exist`, {
      hint: 'run this in the folder that `dockgate init` wrote, or name the file with --config',
    })
  }
  const settings = readSettings(text, config)
  const policies = await readPolicies(options.policies)
  if (!dryRun) requireOwnPolicies(policies.set, options.policies)
  requireTests(policies)
  const keys = await localKeys(directory)
  const account = await accountOf(config, settings, dryRun)
  const url = options.url ?? settings.publicUrl
  const namespaceId = settings.namespaceId ?? account?.namespaceId
  const hasBundle = account !== undefined && namespaceId !== undefined && (await isPushed(namespaceId, config))
  const given = UPSTREAM_SECRETS.filter((name) => (process.env[name] ?? '') !== '')
  const plan = planOf({
    settings,
    keys,
    hasBundle,
    given,
    policies: options.policies,
    ...(account === undefined ? {} : { account }),
    ...(url === undefined ? {} : { url }),
  })
  for (const line of plan.lines) output.out(line)
  if (dryRun) return
  await carryOut(plan, { ...options, settings, policies, namespaceId, url })
}

type Work = Omit<Options, 'policies' | 'url'> & {
  readonly settings: Settings
  readonly policies: Policies
  readonly namespaceId: string | undefined
  readonly url: string | undefined
}

async function carryOut(plan: Plan, work: Work): Promise<void> {
  const { config, keys: directory, settings, policies, url } = work
  if (plan.makeKeys) {
    await writeKeys(directory, await generateKeys('EdDSA'))
    output.note(
      `keys: made in ${directory}; keep ${KEY_FILES.policySigningKey} where policies are pushed from, and a copy`,
    )
  }
  const namespaceId = work.namespaceId ?? (await createNamespace(namespaceTitle(settings)))
  if (plan.makeNamespace) output.note(`namespace: ${namespaceTitle(settings)} is made`)
  await writeSettings(plan, config, directory, namespaceId)
  output.note('worker: deploying')
  await deployWorker(config)
  output.note(`worker: ${settings.name} is deployed`)
  if (plan.secrets.length > 0) {
    await putSecrets(config, await secretsOf(plan.secrets, directory))
    output.note(`secrets: ${plan.secrets.join(', ')} are put`)
  }
  const pushed = plan.push ? await firstPush(policies, directory, namespaceId, config) : undefined
  if (url === undefined) return
  if (pushed !== undefined) {
    output.note(`probe: waiting for ${url} to use bundle ${pushed.serial}; a new host name takes some minutes`)
    await waitForBundle(url, pushed)
  }
  await probe(url)
}

/** The first policy of a gate is one that decides as its tests say. */
function requireTests(policies: Policies): void {
  const failures = tellFailures(policies, Math.floor(Date.now() / 1000))
  if (failures === undefined) return
  throw new CommandError(1, `${failures} failed: nothing is deployed`, { hint: 'correct the policies or the tests' })
}

/** @throws {@link CommandError} 1 when some of the files are there and others are not */
async function localKeys(directory: string): Promise<LocalKeys> {
  const files = Object.values(KEY_FILES).map((name) => join(directory, name))
  const texts = await Promise.all(files.map(readText))
  const missing = files.filter((_, index) => texts[index] === undefined)
  if (missing.length === files.length) return { directory }
  if (missing.length > 0) {
    throw new CommandError(1, `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing`, {
      hint: `put all keys into ${directory}, or none: then new ones are made if the gate has none yet`,
    })
  }
  const publicKeys = await readFile(join(directory, KEY_FILES.policyPublicKeys), 'utf8')
  return { directory, publicKeys: publicKeys.trim() }
}

/** Undefined for a dry run that may not look: then the plan is that of an empty account. */
async function accountOf(config: string, settings: Settings, dryRun: boolean): Promise<Account | undefined> {
  try {
    return await readAccount(config, namespaceTitle(settings))
  } catch (cause) {
    if (!dryRun || !(cause instanceof CommandError)) throw cause
    output.warning(`the plan is for an account that holds nothing of the gate: ${cause.message}`)
    return undefined
  }
}

const kvOf = (namespaceId: string, config: string) => wranglerKv({ binding: 'POLICY', namespaceId, config })

const isPushed = async (namespaceId: string, config: string): Promise<boolean> =>
  (await kvOf(namespaceId, config).get(DEFAULT_POINTER)) !== undefined

async function writeSettings(plan: Plan, config: string, directory: string, namespaceId: string): Promise<void> {
  if (!plan.writeKeys && !plan.writeNamespace) return
  let text = await readFile(config, 'utf8')
  if (plan.writeNamespace) text = withNamespaceId(text, namespaceId)
  if (plan.writeKeys)
    text = withPublicKeys(text, (await readFile(join(directory, KEY_FILES.policyPublicKeys), 'utf8')).trim())
  await writeFile(config, text).catch((cause: unknown) => {
    throw new CommandError(3, `${config} cannot be written`, {
      hint: 'make it writable, then run the command again',
      cause,
    })
  })
  output.note(`settings: ${config} is written; commit it`)
}

async function secretsOf(names: readonly string[], directory: string): Promise<ReadonlyMap<string, string>> {
  const key = await readText(join(directory, KEY_FILES.tokenSigningKey))
  return new Map(names.map((name) => [name, (name === TOKEN_KEY ? key?.trim() : process.env[name]) ?? '']))
}

async function firstPush(
  policies: Policies,
  directory: string,
  namespaceId: string,
  config: string,
): Promise<BundleName> {
  const file = join(directory, KEY_FILES.policySigningKey)
  const key = await needSigningKey((await readText(file)) === undefined ? {} : { key: file })
  const report = await publish({
    policy: policies.compiled,
    kv: kvOf(namespaceId, config),
    key,
    now: Math.floor(Date.now() / 1000),
    onProgress: (line) => output.note(`policy: ${line}`),
  })
  output.note(`policy: bundle ${report.serial} is pushed`)
  return report
}

/** Findings that are shown; the hint names the command that shows all. */
const SHOWN = 10

async function probe(url: string): Promise<void> {
  const asked = new Probe(targetOf(url, {}))
  await runChecks(asked)
  const { findings } = asked
  output.note(`probe: ${count(asked.requests, 'request')}, ${count(findings.length, 'finding')}`)
  if (findings.length === 0) return
  for (const finding of findings.slice(0, SHOWN)) output.note(`  ${formatFinding(finding)}`)
  throw new CommandError(1, `the gate at ${url} does not refuse what it must`, {
    hint: `see \`dockgate probe ${url}\`, and correct it before anybody uses the gate`,
  })
}
