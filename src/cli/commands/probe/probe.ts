/**
 * `dockgate probe`: asks a gate that runs for everything, without and with insufficient credentials, and reports whatever is
 * not refused as it should be. Changes nothing, even where a gate is broken: repositories and references are made up.
 */
import { randomBytes } from 'node:crypto'
import { Command } from 'commander'
import { parseRepositoryName } from '../../../registry/name.ts'
import { CommandError } from '../../terminal/command-error.ts'
import * as output from '../../terminal/output.ts'
import { type Credential, type Finding, Probe, type Target } from './check.ts'
import { CHECKS, type Known } from './checks.ts'
import type { Repository } from './routes.ts'

export type Options = {
  readonly upstream?: string
  readonly repository?: readonly string[]
  readonly token?: string
  readonly json?: true
}

const TOKEN_VARIABLE = 'DOCKGATE_PROBE_TOKEN'
/** Findings of one check that are shown to people. */
const SHOWN = 10

const EXAMPLES = `
Examples:
  dockgate probe https://registry.example.com
  dockgate probe https://registry.example.com --upstream https://registry.internal.example --repository acme/app
  ${TOKEN_VARIABLE}=nobody:… dockgate probe https://registry.example.com --json

The token of --token must be good, and have no right on any of the repositories. Nothing that exists is changed.`

export const probeCommand = (): Command =>
  new Command('probe')
    .description('ask a running gate for what it must refuse, and report what it does not')
    .argument('<url>', 'address of the gate')
    .option('--upstream <url>', 'the registry behind it, which must not answer without it')
    .option('--repository <name...>', 'private repositories that exist, to be asked for beside a made-up one')
    .option('--token <name:secret>', `a token without rights (default: ${TOKEN_VARIABLE})`)
    .option('--json', 'print it as JSON')
    .addHelpText('after', EXAMPLES)
    .action(run)

async function run(url: string, options: Options): Promise<void> {
  const probe = new Probe(targetOf(url, options))
  const known = await runChecks(probe)
  const skipped = skippedChecks(probe.target, known)
  if (options.json === true) printJson(probe, skipped)
  else print(probe, skipped)
  process.exitCode = probe.findings.length === 0 ? 0 : 1
}

/** Make every check. @throws {@link CommandError} 3 when the gate does not answer */
export async function runChecks(probe: Probe): Promise<Known> {
  const known: Known = { keys: [] }
  for (const { run: check } of CHECKS) {
    try {
      await check(probe, known)
    } catch (cause) {
      throw new CommandError(3, `${probe.target.gate.origin} does not answer: ${wordsOf(cause)}`, {
        hint: 'give the address of a gate that runs, e.g. https://registry.example.com',
        cause,
      })
    }
  }
  return known
}

export function targetOf(
  url: string,
  { upstream, repository = [], token = process.env[TOKEN_VARIABLE] }: Options,
): Target {
  const madeUp: Repository = { name: `dockgate-probe/${randomBytes(6).toString('hex')}`, isReal: false }
  const real = repository.map((name) => {
    if (parseRepositoryName(name).ok) return { name, isReal: true }
    throw new CommandError(2, `'${name}' is no repository name`, { hint: 'write it without host and tag: acme/app' })
  })
  const gate = originOf(url, '<url>')
  if (gate.pathname !== '/' || gate.search !== '') {
    throw new CommandError(2, `'${url}' has a path`, { hint: `a gate has its whole host: try ${gate.origin}` })
  }
  return {
    gate,
    repositories: [madeUp, ...real],
    now: Math.floor(Date.now() / 1000),
    ...(upstream === undefined ? {} : { upstream: originOf(upstream, '--upstream') }),
    ...(token === undefined || token === '' ? {} : { weak: credentialOf(token) }),
  }
}

function originOf(text: string, option: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url
  throw new CommandError(2, `${option} is no http URL without credentials`, {
    hint: 'e.g. https://registry.example.com',
  })
}

function credentialOf(token: string): Credential {
  const colon = token.indexOf(':')
  if (colon < 1) throw new CommandError(2, 'the token is not NAME:SECRET', { hint: 'e.g. --token nobody:SECRET' })
  return { what: `token ${token.slice(0, colon)}`, header: `Basic ${Buffer.from(token).toString('base64')}` }
}

/** What could not be asked, and why. */
function skippedChecks({ weak, upstream }: Target, { sign }: Known): ReadonlyMap<string, string> {
  return new Map([
    ...(sign === undefined ? [['an anonymous token', 'the challenge names no token service'] as const] : []),
    ...(weak === undefined ? [['an insufficient credential', `give --token or ${TOKEN_VARIABLE}`] as const] : []),
    ...(upstream === undefined ? [['past the gate', 'give --upstream'] as const] : []),
  ])
}

function printJson({ target, requests, findings }: Probe, skipped: ReadonlyMap<string, string>): void {
  const checks = CHECKS.map(({ name }) => ({
    name,
    ok: !findings.some(({ check }) => check === name),
    ...skippedAs(skipped.get(name)),
  }))
  output.json('probe', { url: target.gate.origin, requests, checks, findings })
}

const skippedAs = (reason: string | undefined) => (reason === undefined ? {} : { skipped: reason })

function print({ target, requests, findings }: Probe, skipped: ReadonlyMap<string, string>): void {
  for (const { name } of CHECKS) {
    const mine = findings.filter(({ check }) => check === name)
    const reason = skipped.get(name)
    if (mine.length > 0) output.out(`${output.outStyle('red', 'bad ')}  ${name}`)
    else if (reason === undefined) output.out(`${output.outStyle('green', 'good')}  ${name}`)
    else output.out(`${output.outStyle('dim', 'not ')}  ${name}: ${reason}`)
    for (const finding of mine.slice(0, SHOWN)) output.out(`        ${formatFinding(finding)}`)
    if (mine.length > SHOWN) output.out(`        and ${mine.length - SHOWN} more: see --json`)
  }
  output.note(`${requests} requests to ${target.gate.origin}, ${findings.length} findings`)
}

/** One line: what was asked, and what is wrong with the answer. */
export const formatFinding = ({ request, credential, status, problem }: Finding): string =>
  `${request} with ${credential} is answered ${status}: ${problem}`

function wordsOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(wordsOf).join(', ')
  return cause instanceof Error ? cause.message : String(cause)
}
