/**
 * `dockgate probe`: asks a gate that runs for everything, without and with insufficient credentials, and reports whatever is
 * not refused as it should be. Changes nothing, even where a gate is broken: repositories and references are made up.
 */
import { Command } from 'commander'
import { Probe, type Target } from '../../probing/check.ts'
import { CHECKS, type Known } from '../../probing/checks.ts'
import { formatFinding, type ProbeOptions, runChecks, TOKEN_VARIABLE, targetOf } from '../../probing/run.ts'
import * as output from '../../terminal/output.ts'

type Options = ProbeOptions & { readonly json?: true }

/** Findings of one check that are shown to people. */
const SHOWN = 10

const EXAMPLES = `
Examples:
  dockgate probe https://registry.example.com
  dockgate probe https://registry.example.com --upstream https://registry.internal.example --repository acme/app
  ${TOKEN_VARIABLE}=nobody:… dockgate probe https://registry.example.com --json

The token of --token must be good, and have no right on any of the repositories. Nothing that exists is changed.`

/** The command `dockgate probe` with its arguments, options and action. */
export const probeCommand = (): Command =>
  new Command('probe')
    .description('ask a running gate for what it must refuse, and report what it does not')
    .argument('<url>', 'address of the gate')
    .option('--upstream <url>', 'the registry behind it, which must not answer without it')
    .option('--repository <name...>', 'private repositories that exist, to be asked for in addition to a made-up one')
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
