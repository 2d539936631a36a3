/** `dockgate init`: a project of its own that deploys a gate, with a first policy, its tests and a pipeline. */
import { lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Command, Option } from 'commander'
import { isRecord } from '../../../base/json.ts'
import { DEFAULT_DIRECTORY } from '../../answers/policies.ts'
import { completed, type Manifest, newManifest, readme, wranglerToml } from '../../project/project.ts'
import { CommandError } from '../../terminal/command-error.ts'
import { calledAs } from '../../terminal/invocation.ts'
import * as output from '../../terminal/output.ts'
import { type Flags, readAnswers, readHost, terminalOfProcess } from './answers.ts'
import { pipelineOf, SYSTEMS, type System } from './pipelines.ts'
import { textsOf, tokensIn } from './texts.ts'

type Options = Flags & {
  readonly service?: string
  readonly ci?: System
  readonly dir: string
  readonly json?: true
}

const EXAMPLES = `
Examples:
  npx dockgate init
  npx dockgate init --upstream https://registry.internal.example --host registry.example.com --push 'samples/*'
  npx dockgate init --upstream https://ghcr.io --host registry.example.com --issuer github --pusher acme/app --ci github

Asks on a terminal for what no option says; otherwise, and with --yes, takes the defaults. Nothing is overwritten: a
package.json and a .gitignore that are there keep what they say and get what they lack.`

/** The command `dockgate init` with its arguments, options and action. */
export const initCommand = (): Command =>
  new Command('init')
    .description('write a project that deploys a gate: policies with tests, settings, a pipeline')
    .option('--upstream <url>', 'the registry behind the gate')
    .option('--host <host>', 'host name of the gate, which clients log in to')
    .option('--tokens', 'callers have tokens with passwords')
    .option('--issuer <issuer>', 'callers have tokens of github, gitlab or the OIDC issuer at this URL')
    .option('--push <pattern>', 'repositories that may be pushed to: *, a name, or prefix/*')
    .option(
      '--pusher <subject>',
      'who may push, with --issuer: acme/app, acme@4711/app@1234 with its ids, or a subject',
    )
    .option('--service <name>', 'token audience, where it is not the host name')
    .addOption(new Option('--ci <system>', 'write a pipeline that tests and applies the policies').choices(SYSTEMS))
    .option('--dir <dir>', 'folder to write into', '.')
    .option('-y, --yes', 'ask nothing')
    .option('--json', 'print the names of the files as JSON')
    .addHelpText('after', EXAMPLES)
    .action(run)

async function run({ service, ci, dir, json, ...flags }: Options): Promise<void> {
  const audience = service === undefined ? undefined : readHost(service)
  await requireFree(dir, ci)
  // The audience is a host name where nothing else is said.
  const host = flags.host ?? audience
  const answers = await readAnswers({ ...flags, ...(host === undefined ? {} : { host }) }, terminalOfProcess)
  const { policy, tests } = textsOf(answers, audience ?? answers.host)
  const tokens = tokensIn(answers)
  const files = new Map([
    [POLICY, policy],
    [TESTS, tests],
    [SETTINGS, wranglerToml({ ...answers, ...(audience === undefined ? {} : { service: audience }) })],
  ])
  if (!(await exists(join(dir, README)))) files.set(README, readme(answers, tokens))
  if (ci !== undefined) {
    const { file, text } = pipelineOf(ci, answers.host)
    files.set(file, text)
  }
  const manifest = await manifestOf(dir)
  for (const [file, text] of files) await writeNew(join(dir, file), text)
  const extended = [...(await extendManifest(dir, manifest)), ...(await extendIgnored(dir))]
  const written = [...files.keys(), ...extended].map((file) => join(dir, file))
  if (json === true) output.json('init', { files: written })
  else for (const file of written) output.out(file)
  output.note(nextSteps(dir, tokens, answers.host).split('\n'))
}

const POLICY = 'policies/policy.yaml'
const TESTS = 'policies/policy.test.yaml'
const SETTINGS = 'wrangler.toml'
const README = 'README.md'
const MANIFEST = 'package.json'
const IGNORE_FILE = '.gitignore'
/** Packages, passwords, signing keys, and the state of a gate that runs here. */
const IGNORED = ['node_modules/', '*.password', '/keys/', '.dockgate/', '.wrangler/'] as const

/** @throws {@link CommandError} 1 when a package.json is there and cannot be read */
async function manifestOf(dir: string): Promise<Manifest | undefined> {
  const file = join(dir, MANIFEST)
  if (!(await exists(file))) return undefined
  try {
    const manifest: unknown = JSON.parse(await readFile(file, 'utf8'))
    if (isRecord(manifest)) return { ...manifest }
    throw new SyntaxError('it is not an object')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CommandError(1, `${file} cannot be read: ${why}`, {
      hint: 'correct it, or name another folder with --dir',
      cause,
    })
  }
}

/** @returns names of the files that were written */
async function extendManifest(dir: string, known: Manifest | undefined): Promise<readonly string[]> {
  const manifest = known === undefined ? newManifest() : completed(known)
  if (manifest === known) return []
  await writeText(join(dir, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`)
  return [MANIFEST]
}

/** @returns names of the files that were written */
async function extendIgnored(dir: string): Promise<readonly string[]> {
  const file = join(dir, IGNORE_FILE)
  const text = (await exists(file)) ? await readFile(file, 'utf8') : ''
  const lines = text.split('\n').map((line) => line.trim())
  const missing = IGNORED.filter((name) => !lines.includes(name))
  if (missing.length === 0) return []
  await writeText(file, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${missing.join('\n')}\n`)
  return [IGNORE_FILE]
}

/** Commands for the folder that the reader is in. */
function nextSteps(dir: string, tokens: readonly string[], host: string): string {
  const dockgate = calledAs()
  const enter = dir === '.' ? '' : `  cd ${dir}\n`
  return `
Try it here:
${enter}  npm install
  ${dockgate} check
  ${dockgate} dev

Give ${tokens.length === 1 ? 'the token a password' : 'each token a password'}; it is shown once:
${tokens.map((token) => `  ${dockgate} token rotate ${token}`).join('\n')}

Deploy it to ${host}; the plan comes first:
  npx wrangler login
  ${dockgate} deploy --dry-run
  UPSTREAM_USERNAME=… UPSTREAM_PASSWORD=… ${dockgate} deploy`
}

/** Looked at before anything is asked or written. */
async function requireFree(dir: string, ci: System | undefined): Promise<void> {
  const policies = join(dir, DEFAULT_DIRECTORY)
  const entries = await readdir(policies).catch((): string[] => [])
  if (entries.some((name) => /\.(?:ya?ml|json)$/i.test(name))) {
    throw new CommandError(1, `${policies} holds policies already; nothing is overwritten`, { hint: ELSEWHERE })
  }
  const wanted = [SETTINGS, ...(ci === undefined ? [] : [pipelineOf(ci, '').file])]
  for (const file of wanted.map((name) => join(dir, name))) {
    if (await exists(file)) throw new CommandError(1, `${file} exists; nothing is overwritten`, { hint: ELSEWHERE })
  }
}

const ELSEWHERE = 'name another folder with --dir, or go on with `dockgate check`'

const exists = async (file: string): Promise<boolean> => (await lstat(file).catch(() => undefined)) !== undefined

async function writeNew(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true }).catch((cause: unknown) => {
    throw unwritable(file, cause)
  })
  await writeText(file, text, 'wx')
}

async function writeText(file: string, text: string, flag: 'w' | 'wx' = 'w'): Promise<void> {
  try {
    await writeFile(file, text, { flag })
  } catch (cause) {
    const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    throw isTaken
      ? new CommandError(1, `${file} exists; nothing is overwritten`, { hint: ELSEWHERE, cause })
      : unwritable(file, cause)
  }
}

const unwritable = (file: string, cause: unknown): CommandError =>
  new CommandError(3, `${file} cannot be written`, { hint: 'name another folder with --dir', cause })
