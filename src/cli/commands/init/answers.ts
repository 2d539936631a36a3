/**
 * What `dockgate init` must know: where the registry is, how callers say who they are, who may push. From flags, or from
 * three or four questions on a terminal. Never writes.
 */
import { createInterface } from 'node:readline/promises'
import { readIssuerUrl, readRepositoryPattern } from '../../../files/field.ts'
import { formatRepositoryPattern } from '../../../policy/repository-pattern.ts'
import { CommandError } from '../../terminal/command-error.ts'
import * as output from '../../terminal/output.ts'

/** What `dockgate init` knows before it writes a project. */
export type Answers = {
  /** Base URL of the registry behind the gate. */
  readonly upstream: string
  /** Host name of the gate. */
  readonly host: string
  /** Tokens with passwords, or the identities of an issuer. */
  readonly callers: 'tokens' | Issuer
  /** Repository pattern that may be pushed to. */
  readonly push: string
  /** Who pushes, of an issuer: a repository, project or subject. */
  readonly pusher: string
}

/** An OIDC issuer that a new project accepts. */
export type Issuer = {
  readonly name: string
  readonly issuer: string
  /** What the token of a pusher says, by claim; without it the pusher is a subject. */
  readonly claimsOf?: (pusher: string) => Readonly<Record<string, string>>
  /** Forms of a pusher that a token of this issuer can be of. */
  readonly pusherForm: RegExp
  /** What a pusher looks like, for the question. */
  readonly example: string
  /** A remark in the policy, one line. */
  readonly note?: (pusher: string) => string
}

/** `acme/app`, or with the ids that GitHub's immutable subjects carry: `acme@4711/app@1234`. */
const GITHUB_REPOSITORY = /^([\w.-]+)(?:@(\d+))?\/([\w.-]+)(?:@(\d+))?$/

/** Claims of GitHub's tokens, the same before and after its subjects became immutable (2026-07-15). */
function githubClaims(pusher: string): Readonly<Record<string, string>> {
  const [, owner = '', ownerId, repository = '', repositoryId] = GITHUB_REPOSITORY.exec(pusher) ?? []
  return {
    repository: `${owner}/${repository}`,
    ...(ownerId === undefined ? {} : { repository_owner_id: ownerId }),
    ...(repositoryId === undefined ? {} : { repository_id: repositoryId }),
    // Code that was reviewed.
    ref: 'refs/heads/main',
  }
}

const GITHUB: Issuer = {
  name: 'github',
  issuer: 'https://token.actions.githubusercontent.com',
  claimsOf: githubClaims,
  pusherForm: GITHUB_REPOSITORY,
  example: 'acme/app',
  note: (pusher) =>
    pusher.includes('@')
      ? 'A workflow on main of this repository. Somebody else who takes its name has other ids.'
      : 'A workflow on main of this repository. Add repository_id and repository_owner_id, since names can be taken over.',
}
const GITLAB: Issuer = {
  name: 'gitlab',
  issuer: 'https://gitlab.com',
  claimsOf: (pusher) => ({ project_path: pusher, ref_type: 'branch', ref: 'main', ref_protected: 'true' }),
  pusherForm: /^[\w.-]+(?:\/[\w.-]+)+$/,
  example: 'acme/app',
  note: () => 'A job on the protected branch main of this project.',
}

/** Options of `dockgate init`, as commander gives them. */
export type Flags = {
  readonly upstream?: string
  readonly host?: string
  readonly tokens?: true
  readonly issuer?: string
  readonly push?: string
  readonly pusher?: string
  readonly yes?: true
}

const DEFAULT_PUSH = 'samples/*'

/** Somebody who can be asked. */
export type Terminal = {
  question(text: string): Promise<string>
  tell(text: string): void
  close(): void
}

/** The terminal that the command runs on, if it does. */
export function terminalOfProcess(): Terminal | undefined {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return undefined
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  return {
    question: (text) => lines.question(text),
    tell: output.note,
    close: () => lines.close(),
  }
}

type Asked<T> = {
  /** What a flag says. */
  readonly given: string | undefined
  readonly question: string
  /** Absent: an answer is needed. */
  readonly fallback?: string
  /** Where there is nobody to ask and no fallback: what is missing, and what to do. */
  readonly missing?: readonly [message: string, hint: string]
  readonly read: (text: string) => T
}

/**
 * The answers that the flags give, the rest asked if there is a terminal, else the defaults.
 *
 * @throws {@link CommandError} 2 when a flag cannot be used
 */
export async function readAnswers(flags: Flags, open: () => Terminal | undefined): Promise<Answers> {
  if (flags.tokens === true && flags.issuer !== undefined) {
    throw new CommandError(2, '--tokens and --issuer contradict each other', { hint: 'leave one of them out' })
  }
  const terminal = flags.yes === true ? undefined : open()
  /** The flag if it is given, else asked until it can be used, else the default. */
  const value = async <T>({ given, question, fallback = '', missing, read }: Asked<T>): Promise<T> => {
    if (given !== undefined) return read(given)
    if (terminal === undefined) return missing === undefined ? read(fallback) : refuse(missing)
    for (;;) {
      const answer = (await terminal.question(`${question}${fallback === '' ? '' : ` [${fallback}]`} `)).trim()
      try {
        return read(answer === '' ? fallback : answer)
      } catch (cause) {
        if (!(cause instanceof CommandError)) throw cause
        terminal.tell(`  ${cause.message}${cause.hint === undefined ? '' : `: ${cause.hint}`}`)
      }
    }
  }
  try {
    const upstream = await value({
      given: flags.upstream,
      question: 'Which registry is behind the gate, as in https://registry.internal.example?',
      missing: ['the registry behind the gate is not given', 'add --upstream https://HOST'],
      read: readUpstream,
    })
    const host = await value({
      given: flags.host,
      question: 'Which host name will the gate have, as in registry.example.com?',
      missing: ['the host name of the gate is not given', 'add --host HOST: the name that clients log in to'],
      read: readHost,
    })
    const callers = await value({
      given: flags.tokens === true ? 'tokens' : flags.issuer,
      question: 'How do callers say who they are: tokens, github, gitlab, or the URL of an OIDC issuer?',
      fallback: 'tokens',
      read: readCallers,
    })
    const push = await value({
      given: flags.push,
      question: 'Which repositories may be pushed to?',
      fallback: DEFAULT_PUSH,
      read: readPush,
    })
    if (callers === 'tokens') return { upstream, host, callers, push, pusher: '' }
    const { name, pusherForm, example } = callers
    const pusher = await value({
      given: flags.pusher,
      question: `Who may push there, as in ${example}?`,
      missing: [NAME_NEEDED, `add --pusher ${example}`],
      read: (text) => readPusher(text, { name, pusherForm, example }),
    })
    return { upstream, host, callers, push, pusher }
  } catch (cause) {
    if (!(cause instanceof Error) || cause.name !== 'AbortError') throw cause
    throw new CommandError(1, 'the questions were not answered: nothing is written', {
      hint: 'or answer them by options: see `dockgate init --help`',
      cause,
    })
  } finally {
    terminal?.close()
  }
}

function refuse([message, hint]: readonly [message: string, hint: string]): never {
  throw new CommandError(2, message, { hint })
}

const NAME_NEEDED = 'it takes a name to say who may push'

function readUpstream(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPlain =
    url !== undefined &&
    ['https:', 'http:'].includes(url.protocol) &&
    `${url.username}${url.password}${url.search}${url.hash}` === ''
  if (isPlain) return text.replace(/\/+$/, '')
  throw new CommandError(2, `"${text}" is not a URL of a registry`, {
    hint: 'write https://host, without /v2; its credentials are secrets of the Worker',
  })
}

/** A host name, with a port or without. */
export function readHost(text: string): string {
  if (/^(?=.{1,253}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?$/.test(text)) return text
  throw new CommandError(2, `"${text}" is not a host name`, {
    hint: 'write it in lower case, without https://, as in registry.example.com',
  })
}

function readCallers(text: string): Answers['callers'] {
  if (text === 'tokens') return 'tokens'
  if (text === 'github') return GITHUB
  if (text === 'gitlab') return GITLAB
  const url = readIssuerUrl(text)
  if (url.ok) return { name: 'issuer', issuer: url.value, pusherForm: /./, example: 'the-subject-of-the-pusher' }
  throw new CommandError(2, `"${text}" is not an issuer`, { hint: 'write tokens, github, gitlab or an https URL' })
}

function readPush(text: string): string {
  const pattern = readRepositoryPattern(text)
  if (pattern.ok) return formatRepositoryPattern(pattern.value)
  const { message, hint } = pattern.error
  throw new CommandError(2, message, hint === undefined ? {} : { hint })
}

function readPusher(
  text: string,
  { name, pusherForm, example }: Pick<Issuer, 'name' | 'pusherForm' | 'example'>,
): string {
  if (!/^[^\s*"\\]{1,200}$/.test(text)) {
    const message = text === '' ? NAME_NEEDED : `"${text}" is not a subject`
    throw new CommandError(2, message, { hint: 'write it in full, as in acme/app, without spaces and *' })
  }
  if (pusherForm.test(text)) return text
  throw new CommandError(2, `no token of ${name} is of "${text}"`, {
    hint: `write the owner and the repository or project, as in ${example}`,
  })
}
