/** Makes every check of a gate: whom to ask, what was found, and how a finding reads in one line. */
import { randomBytes } from 'node:crypto'
import { parseRepositoryName } from '../../registry/name.ts'
import { CommandError } from '../terminal/command-error.ts'
import type { Credential, Finding, Probe, Target } from './check.ts'
import { CHECKS, type Known } from './checks.ts'
import type { Repository } from './routes.ts'

/** What a person may say of the gate that is asked. */
export type ProbeOptions = {
  readonly upstream?: string
  readonly repository?: readonly string[]
  readonly token?: string
}

/** The environment variable that holds a token without rights, as NAME:SECRET. */
export const TOKEN_VARIABLE = 'DOCKGATE_PROBE_TOKEN'
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

/**
 * The gate at `url`, with a repository that is made up and those that are given.
 *
 * @throws {@link CommandError} 2 when an address, a repository or the token is not written as one
 */
export function targetOf(
  url: string,
  { upstream, repository = [], token = process.env[TOKEN_VARIABLE] }: ProbeOptions,
): Target {
  const madeUp: Repository = { name: `dockgate-probe/${randomBytes(6).toString('hex')}`, isReal: false }
  const real = repository.map((name) => {
    if (parseRepositoryName(name).ok) return { name, isReal: true }
    throw new CommandError(2, `'${name}' is not a repository name`, { hint: 'write it without host and tag: acme/app' })
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

/** An http or https address without credentials. @throws {@link CommandError} 2 for anything else */
export function originOf(text: string, option: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url
  throw new CommandError(2, `${option} is not an http URL without credentials`, {
    hint: 'e.g. https://registry.example.com',
  })
}

function credentialOf(token: string): Credential {
  const colon = token.indexOf(':')
  if (colon < 1) throw new CommandError(2, 'the token is not NAME:SECRET', { hint: 'e.g. --token nobody:SECRET' })
  return { what: `token ${token.slice(0, colon)}`, header: `Basic ${Buffer.from(token).toString('base64')}` }
}

/** One line: what was asked, and what is wrong with the answer. */
export const formatFinding = ({ request, credential, status, problem }: Finding): string =>
  `${request} with ${credential} is answered ${status}: ${problem}`

function wordsOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(wordsOf).join(', ')
  return cause instanceof Error ? cause.message : String(cause)
}
