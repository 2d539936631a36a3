/**
 * What `dockgate init` must know: where the registry is, how callers say who they are, who may push. From flags, or from
 * three or four questions on a terminal. Never writes.
 */
import { createInterface } from 'node:readline/promises'
import { readIssuerUrl, readRepositoryPattern } from '../../../files/field.ts'
import { formatRepositoryPattern } from '../../../policy/repository-pattern.ts'
import { CommandError } from '../../terminal/command-error.ts'
import * as output from '../../terminal/output.ts'

export type Answers = {
  /** Base URL of the registry behind the gate. */
  readonly upstream: string
  /** Tokens with passwords, or the identities of an issuer. */
  readonly callers: 'tokens' | Issuer
  /** Repository pattern that may be pushed to. */
  readonly push: string
  /** Who pushes, of an issuer: a repository, project or subject. */
  readonly pusher: string
}

export type Issuer = {
  readonly name: string
  readonly issuer: string
  /** The claim that names a pusher; without it the subject does. */
  readonly claim?: string
  /** What else its token must say: code that was reviewed. */
  readonly claims?: Readonly<Record<string, string>>
  /** What a pusher looks like, for the question. */
  readonly example: string
}

const GITHUB: Issuer = {
  name: 'github',
  issuer: 'https://token.actions.githubusercontent.com',
  claim: 'repository',
  claims: { ref: 'refs/heads/main' },
  example: 'acme/app',
}
const GITLAB: Issuer = {
  name: 'gitlab',
  issuer: 'https://gitlab.com',
  claim: 'project_path',
  claims: { ref_type: 'branch', ref: 'main', ref_protected: 'true' },
  example: 'acme/app',
}

export type Flags = {
  readonly upstream?: string
  readonly tokens?: true
  readonly issuer?: string
  readonly push?: string
  readonly pusher?: string
  readonly yes?: true
}

export const DEFAULTS = { upstream: 'https://registry.internal.example', push: 'samples/*' } as const

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
  /** What to do where there is nobody to ask and no fallback. */
  readonly flagHint?: string
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
  const value = async <T>({ given, question, fallback = '', flagHint, read }: Asked<T>): Promise<T> => {
    if (given !== undefined) return read(given)
    if (terminal === undefined) return flagHint === undefined ? read(fallback) : needFlag(flagHint)
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
      question: 'Which registry stands behind the gate?',
      fallback: DEFAULTS.upstream,
      read: readUpstream,
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
      fallback: DEFAULTS.push,
      read: readPush,
    })
    if (callers === 'tokens') return { upstream, callers, push, pusher: '' }
    const pusher = await value({
      given: flags.pusher,
      question: `Who may push there, as in ${callers.example}?`,
      flagHint: `add --pusher ${callers.example}`,
      read: readPusher,
    })
    return { upstream, callers, push, pusher }
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

function needFlag(hint: string): never {
  throw new CommandError(2, NAME_NEEDED, { hint })
}

const NAME_NEEDED = 'it takes a name to say who may push'

function readUpstream(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPlain =
    url !== undefined &&
    ['https:', 'http:'].includes(url.protocol) &&
    `${url.username}${url.password}${url.search}${url.hash}` === ''
  if (isPlain) return text.replace(/\/+$/, '')
  throw new CommandError(2, `"${text}" is no URL of a registry`, {
    hint: 'write https://host, without /v2; its credentials are secrets of the Worker',
  })
}

function readCallers(text: string): Answers['callers'] {
  if (text === 'tokens') return 'tokens'
  if (text === 'github') return GITHUB
  if (text === 'gitlab') return GITLAB
  const url = readIssuerUrl(text)
  if (url.ok) return { name: 'issuer', issuer: url.value, example: 'the-subject-of-the-pusher' }
  throw new CommandError(2, `"${text}" is no issuer`, { hint: 'write tokens, github, gitlab or an https URL' })
}

function readPush(text: string): string {
  const pattern = readRepositoryPattern(text)
  if (pattern.ok) return formatRepositoryPattern(pattern.value)
  const { message, hint } = pattern.error
  throw new CommandError(2, message, hint === undefined ? {} : { hint })
}

function readPusher(text: string): string {
  if (/^[^\s*"\\]{1,200}$/.test(text)) return text
  const message = text === '' ? NAME_NEEDED : `"${text}" is no subject`
  throw new CommandError(2, message, { hint: 'write it in full, as in acme/app, without spaces and *' })
}
