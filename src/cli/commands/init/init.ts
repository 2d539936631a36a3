/** `dockgate init`: a first policy with its tests, the Worker's values, and the commands that deploy them. */
import { lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { DEFAULT_DIRECTORY } from '../../answers/policies.ts'
import { CommandError } from '../../terminal/command-error.ts'
import { calledAs } from '../../terminal/invocation.ts'
import * as output from '../../terminal/output.ts'
import { type Flags, readAnswers, terminalOfProcess } from './answers.ts'
import { IGNORED, textsOf, tokensIn } from './texts.ts'

type Options = Flags & { readonly service: string; readonly dir: string; readonly json?: true }

const EXAMPLES = `
Examples:
  dockgate init
  dockgate init --upstream https://registry.internal.example --tokens --push 'samples/*'
  dockgate init --upstream https://ghcr.io --issuer github --pusher acme/app --push 'acme/*' --dir deploy

Asks on a terminal for what no option says; otherwise, and with --yes, takes the defaults. Nothing is overwritten.`

export const initCommand = (): Command =>
  new Command('init')
    .description('write a first policy with its tests, and say how to deploy it')
    .option('--upstream <url>', 'the registry behind the gate')
    .option('--tokens', 'callers have tokens with passwords')
    .option('--issuer <issuer>', 'callers have tokens of github, gitlab or the OIDC issuer at this URL')
    .option('--push <pattern>', 'repositories that may be pushed to: *, a name, or prefix/*')
    .option('--pusher <subject>', 'who may push, with --issuer: a repository, a project, or a subject')
    .option('--service <host>', 'host name of the gate', 'registry.example.com')
    .option('--dir <dir>', 'folder to write into', '.')
    .option('-y, --yes', 'ask nothing')
    .option('--json', 'print the names of the files as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async ({ service, dir, json, ...flags }: Options) => {
      if (!/^[a-z0-9.-]+(?::\d+)?$/.test(service)) {
        throw new CommandError(2, `"${service}" is no host name`, { hint: 'write --service registry.example.com' })
      }
      await requireFree(dir)
      const answers = await readAnswers(flags, terminalOfProcess)
      const texts = textsOf(answers, service)
      const isCheckout = await exists(join(dir, 'wrangler.toml'))
      // The gate's own settings hold more than these values.
      const settings = isCheckout ? 'wrangler.values.toml' : 'wrangler.toml'
      const missing = await missingFrom(join(dir, IGNORE_FILE))
      const files = new Map([
        [POLICY, texts.policy],
        [TESTS, texts.tests],
        [settings, texts.wrangler],
        ...(missing === undefined ? [[IGNORE_FILE, texts.ignored] as const] : []),
      ])
      for (const [file, text] of files) await writeNew(join(dir, file), text)
      if (json === true) output.json('init', { files: [...files.keys()].map((file) => join(dir, file)) })
      else for (const file of files.keys()) output.out(join(dir, file))
      output.note(nextSteps(dir, isCheckout, tokensIn(answers)).split('\n'))
      if (missing !== undefined && missing.length > 0)
        output.warning(`add ${missing.join(', ')} to ${join(dir, IGNORE_FILE)}: secrets belong into no repository`)
    })

const POLICY = 'policies/policy.yaml'
const TESTS = 'policies/policy.test.yaml'
const IGNORE_FILE = '.gitignore'

/** What a file of ignored names that is there does not have; nothing if there is no such file. */
async function missingFrom(file: string): Promise<readonly string[] | undefined> {
  if (!(await exists(file))) return undefined
  const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.trim())
  return IGNORED.filter((name) => !lines.includes(name))
}

/** Commands for the folder that the reader is in: elsewhere npx would look for a package of this name. */
function nextSteps(dir: string, isCheckout: boolean, tokens: readonly string[]): string {
  const dockgate = calledAs()
  const policies = join(dir, 'policies')
  const option = policies === DEFAULT_DIRECTORY ? '' : ` --policies ${policies}`
  return `
Try it here:
  ${dockgate} check${policies === DEFAULT_DIRECTORY ? '' : ` ${policies}`}
  ${dockgate} dev${option}

Give ${tokens.length === 1 ? 'the token a password' : 'each token a password'}; it is shown once:
${tokens.map((token) => `  ${dockgate} token rotate ${token}${option}`).join('\n')}

Deploy it${isCheckout ? ', with wrangler.values.toml put into wrangler.toml' : ' from a checkout of Dockgate, with these files in it'}:
  npx wrangler kv namespace create POLICY      # prints the id for wrangler.toml
  ${dockgate} keys generate --out keys
  npx wrangler secret put TOKEN_SIGNING_KEY < keys/token-signing-key.json
  npx wrangler secret put UPSTREAM_USERNAME    # and UPSTREAM_PASSWORD: the gate's own account on the registry
  npx wrangler deploy --var POLICY_PUBLIC_KEYS:"$(cat keys/policy-public-keys.json)"
  ${dockgate} push --remote --key keys/policy-signing-key.json${isCheckout ? option : ''}`
}

/** All of it is looked at before anything is asked or written. */
async function requireFree(dir: string): Promise<void> {
  const policies = join(dir, 'policies')
  const entries = await readdir(policies).catch((): string[] => [])
  const taken = entries.some((name) => /\.(?:ya?ml|json)$/i.test(name)) ? policies : undefined
  const values = (await exists(join(dir, 'wrangler.toml'))) && (await exists(join(dir, 'wrangler.values.toml')))
  const inTheWay = taken ?? (values ? join(dir, 'wrangler.values.toml') : undefined)
  if (inTheWay === undefined) return
  throw new CommandError(
    1,
    `${inTheWay} ${taken === undefined ? 'exists' : 'holds policies already'}; nothing is overwritten`,
    {
      hint: 'name another folder with --dir, or go on with `dockgate check`',
    },
  )
}

const exists = async (file: string): Promise<boolean> => (await lstat(file).catch(() => undefined)) !== undefined

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text, { flag: 'wx' })
  } catch (cause) {
    const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    throw isTaken
      ? new CommandError(1, `${file} exists; nothing is overwritten`, { hint: 'name another folder with --dir', cause })
      : new CommandError(3, `${file} cannot be written`, { hint: 'name another folder with --dir', cause })
  }
}
