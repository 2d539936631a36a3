/**
 * The arguments of a question on the command line: who, what, where, and the circumstances. What cannot be read is wrong
 * use, with a word on what would be right.
 */
import type { Command } from 'commander'
import { nearest } from '../../base/spelling.ts'
import { type EpochSeconds, parseTime, similarTime } from '../../base/time.ts'
import type { CallerAttributes } from '../../identity/named-caller.ts'
import { undefinedPrincipal } from '../../policy/analysis/undefined-principal.ts'
import type { Facts } from '../../policy/decide/authorize.ts'
import { parseIpAddress } from '../../policy/decide/condition/ip.ts'
import type { PolicySet } from '../../policy/model.ts'
import { type Principal, parsePrincipal } from '../../policy/principal.ts'
import { parseDigest, parseRepositoryName, parseTag, type RepositoryName, type Tag } from '../../registry/name.ts'
import { requestTarget } from '../../registry/parse.ts'
import { type Action, PERMISSIONS, parseAction, takesRepository } from '../../registry/permission.ts'
import { CommandError } from '../terminal/command-error.ts'

/** Options of the commands that ask a question, as commander gives them. */
export type CircumstanceOptions = {
  readonly tag?: string
  readonly ip?: string
  readonly at?: string
  readonly claim: readonly string[]
  readonly group: readonly string[]
  /** False: the caller's JWT says that it has none. */
  readonly groups: boolean
}

/** What a question says of the caller and of the request, in addition to the permission. */
export type Circumstances = { readonly extras: CallerAttributes; readonly facts: Facts; readonly tag?: Tag }

const collect = (value: string, previous: readonly string[]): readonly string[] => [...previous, value]

/** `--ip`, `--at`, `--claim` and `--group`; `--tag` is the caller's own to add. */
export const addCircumstances = (command: Command): Command =>
  command
    .option('--ip <address>', 'address of the client, for conditions that test it')
    .option('--at <time>', 'when it is asked, as RFC 3339 time (default: now)')
    .option('--claim <name=value>', 'a claim of the caller; repeated, the values become a list', collect, [])
    .option('--group <id>', "a group of the caller, by its issuer's id; may be repeated", collect, [])
    .option('--no-groups', 'the caller says that it has no groups; without it and --group they are unknown')

const wrongUse = (message: string, hint: string): CommandError => new CommandError(2, message, { hint })

/**
 * Reads a principal: `token:NAME` and the other kinds.
 *
 * @throws {@link CommandError} 2 with a hint
 */
export function readPrincipal(text: string): Principal {
  const principal = parsePrincipal(text)
  if (principal.ok) return principal.value
  throw wrongUse(
    `"${text}" is not a principal`,
    'write token:NAME, identity:NAME, subject:ISSUER/ID, group:ISSUER/ID, anonymous or everyone',
  )
}

/** What people say for permissions. */
const WORDS: Readonly<Record<string, string>> = {
  pull: 'a pull needs content/read',
  read: 'content/read is to pull, metadata/read to list tags and to read attributes',
  push: 'a push needs content/read and content/write: ask for each, or ask `dockgate explain … PUT /v2/samples/app/manifests/v1`',
  write: 'content/write is to push, metadata/write to change attributes',
  delete: 'content/delete is to delete manifests and tags, metadata/delete to delete attributes',
  list: 'metadata/read is to list tags, catalog/read to list repositories',
  tags: 'metadata/read is to list tags',
  catalog: 'catalog/read is to list repositories',
}

/**
 * Reads a permission in any spelling.
 *
 * @throws {@link CommandError} 2 with a hint
 */
export function readAction(text: string): Action {
  const action = parseAction(text)
  if (action.ok) return action.value
  const near = nearest(text, PERMISSIONS)
  const guess = near === undefined ? `permissions are ${PERMISSIONS.join(', ')}` : `did you mean ${near}?`
  const word = text.toLowerCase()
  throw wrongUse(`"${text}" is not a permission`, Object.hasOwn(WORDS, word) ? (WORDS[word] ?? guess) : guess)
}

/** What is odd about whom a question is about: whom no file defines, the gate never authenticates. */
export function notesOn(policies: PolicySet, principal: Principal): readonly string[] {
  const missing = undefinedPrincipal(policies, principal)
  if (missing === undefined) return []
  const { kind, name, nearest: near } = missing
  const said = kind === 'issuer' ? `issuer ${name}` : `${kind}:${name}`
  const meant = near === undefined ? '' : `; did you mean ${kind === 'issuer' ? near : `${kind}:${near}`}?`
  return [`no file defines ${said}, so the gate can never authenticate it${meant}`]
}

const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']

/**
 * The method and the target of a registry request. Every request that a client could send is a question; what could be
 * none, like the name of an image in place of a path, is wrong use.
 */
export function readRequest(method: string, path: string): { readonly method: string; readonly path: string } {
  const upper = method.toUpperCase()
  if (!METHODS.includes(upper)) {
    const near = nearest(upper, METHODS)
    throw wrongUse(
      `"${method}" is not an HTTP method`,
      near === undefined ? 'write GET, HEAD, PUT, POST, PATCH or DELETE' : `did you mean ${near}?`,
    )
  }
  if (/^https?:\/\//i.test(path)) return { method: upper, path: requestTarget(path) }
  if (path.startsWith('/')) return { method: upper, path }
  throw wrongUse(`"${path}" is not a path of a request`, `write ${pathOfImage(path)}`)
}

/** `samples/app:v1`, with a host or without, as the path of its manifest. */
function pathOfImage(text: string): string {
  if (text.startsWith('v2/')) return `/${text}`
  const [, name = '', tag, digest] = /^([^:@]+|[^/]+\/[^:@]+)(?::([^:@/]+))?(?:@(.+))?$/.exec(text) ?? []
  const repository = name.replace(/^(?:[^/]*[.:][^/]*|localhost)\//, '')
  const reference = digest ?? tag ?? 'latest'
  const isImage =
    parseRepositoryName(repository).ok && (digest === undefined ? parseTag(reference) : parseDigest(reference)).ok
  return `/v2/${isImage ? `${repository}/manifests/${reference}` : 'samples/app/manifests/v1'}`
}

function readRepository(text: string): RepositoryName {
  const name = parseRepositoryName(text)
  if (name.ok) return name.value
  throw wrongUse(`"${text}" is not a repository name`, 'names are lower case, without host and tag, e.g. samples/app')
}

/** The repository of a question about `action`, which takes one or does not. */
export function readRepositoryFor(action: Action, text: string | undefined): RepositoryName | undefined {
  if (!takesRepository(action)) {
    if (text === undefined) return undefined
    throw wrongUse(`${action} is not about one repository`, 'leave the repository out')
  }
  if (text === undefined) throw wrongUse(`${action} needs a repository`, `add one: … ${action} samples/app`)
  return readRepository(text)
}

/**
 * Reads the options of a question.
 *
 * @throws {@link CommandError} 2 for a value that is not valid
 */
export function readCircumstances(options: CircumstanceOptions): Circumstances {
  const claims: Record<string, string | readonly string[]> = {}
  for (const text of options.claim) {
    const equals = text.indexOf('=')
    if (equals < 1) throw wrongUse(`"${text}" is not a claim`, 'write --claim name=value')
    const [name, value] = [text.slice(0, equals), text.slice(equals + 1)]
    const known = claims[name]
    claims[name] = known === undefined ? value : [...(typeof known === 'string' ? [known] : known), value]
  }
  const tag = options.tag === undefined ? undefined : parseTag(options.tag)
  if (tag?.ok === false) throw wrongUse(`"${options.tag}" is not a tag`, 'a tag is up to 128 letters, digits, _ . -')
  const { ip } = options
  if (ip !== undefined && parseIpAddress(ip) === undefined) {
    throw wrongUse(`"${ip}" is not an IP address`, 'write 203.0.113.7 or 2001:db8::7')
  }
  if (!options.groups && options.group.length > 0) {
    throw wrongUse('--group and --no-groups are both given', 'keep one of them')
  }
  return {
    extras: { claims, ...(options.groups && options.group.length === 0 ? {} : { groups: options.group }) },
    facts: {
      now: options.at === undefined ? Math.floor(Date.now() / 1000) : readTime(options.at),
      ...(ip === undefined ? {} : { clientIp: ip }),
    },
    ...(tag === undefined ? {} : { tag: tag.value }),
  }
}

/**
 * A time of RFC 3339, read as policy files are.
 *
 * @returns seconds since 1970
 * @throws {@link CommandError} 2 when the text is not a time
 */
export function readTime(text: string): EpochSeconds {
  const time = parseTime(text)
  if (time !== undefined) return time
  const similar = similarTime(text)
  throw wrongUse(
    `"${text}" is not a time`,
    similar === undefined ? 'write it as 2027-01-31T12:00:00Z' : `did you mean ${similar}?`,
  )
}
