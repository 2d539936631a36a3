/**
 * The texts of policy files, each with its parser: what it must look like, what it becomes, and what to say when it does
 * not. Never knows the place of a text, nor whether the name it gives exists.
 */
import { isIP } from 'node:net'
import { err, ok, type Result } from '../base/result.ts'
import { nearest } from '../base/spelling.ts'
import { type EpochSeconds, parseTime, similarTime } from '../base/time.ts'
import { matchesAction } from '../policy/action-pattern.ts'
import type { ScopeMapPermission } from '../policy/model.ts'
import { type Principal, parsePrincipal, TOKEN_NAME } from '../policy/principal.ts'
import { parseRepositoryPattern, type RepositoryPattern } from '../policy/repository-pattern.ts'
import {
  type Digest,
  parseDigest,
  parseRepositoryName,
  parseTag,
  type RepositoryName,
  type Tag,
} from '../registry/name.ts'
import {
  type Action,
  azureAction,
  DATA_ACTIONS,
  isDataPermission,
  PERMISSIONS,
  type Permission,
  parseAction,
} from '../registry/permission.ts'
import { type Complaint, complaint } from './problem.ts'

/** Reads the text of a field, or says what is wrong with it. */
export type Field<T> = (text: string) => Result<T, Complaint>

const fail = (...reason: Parameters<typeof complaint>) => err(complaint(...reason))
const didYouMean = (guess: string | undefined, otherwise: string) =>
  guess === undefined ? otherwise : `did you mean ${guess}?`

/** Names of tokens, scope maps, issuers and identities. */
export const readName: Field<string> = (text) =>
  TOKEN_NAME.test(text)
    ? ok(text)
    : fail('name_invalid', `"${text}" is not a name`, 'use 1 to 50 letters, digits, - and _')

/** A time of RFC 3339, in whole seconds. */
export const readTime: Field<EpochSeconds> = (text) => {
  const time = parseTime(text)
  return time === undefined ? err(timeComplaint(text)) : ok(time)
}

/** What to say of a text that is not a time, in files and on the command line. */
const timeComplaint = (text: string): Complaint =>
  complaint(
    'time_invalid',
    `"${text}" is not a time`,
    didYouMean(similarTime(text), 'write RFC 3339 in whole seconds, e.g. 2027-03-01T00:00:00Z'),
  )

/** 64 hex digits, in any letter case. */
export const readSha256: Field<string> = (text) =>
  /^[0-9a-f]{64}$/i.test(text)
    ? ok(text.toLowerCase())
    : fail(
        'sha256_invalid',
        `a SHA-256 has 64 hex digits, this text has ${text.length} characters`,
        'make it with `dockgate token create` or `printf %s "$SECRET" | sha256sum`; never write the secret itself',
      )

/** `*`, a repository name, or `prefix/*`. */
export const readRepositoryPattern: Field<RepositoryPattern> = (text) => {
  const pattern = parseRepositoryPattern(text)
  return pattern.ok ? pattern : err(patternComplaint(text))
}

function patternComplaint(text: string): Complaint {
  const what = `"${text}" is not a repository pattern`
  const lower = text.toLowerCase()
  const meant = lower.replace(/^\/+/, '').replace(/\*{2,}$/, '*')
  if (meant !== text && parseRepositoryPattern(meant).ok) {
    const faults = [
      ...(lower === text ? [] : ['repositories are lower-case']),
      ...(text.startsWith('/') ? ['no repository begins with a slash'] : []),
      ...(text.includes('**') ? ['one * covers everything below'] : []),
    ]
    return complaint('pattern_invalid', `${what}: ${faults.join(', ')}`, `write ${meant}`)
  }
  const prefix = meant.replace(/[*/]$/, '')
  const hint = prefix !== meant && parseRepositoryPattern(prefix).ok ? `write ${prefix} or ${prefix}/*` : undefined
  if (text.includes('*')) {
    const otherwise = 'elsewhere, use a condition with StringLike'
    return complaint('pattern_invalid', `${what}: one * may stand alone or after the last slash`, hint ?? otherwise)
  }
  return complaint('pattern_invalid', what, hint ?? 'write *, a repository name, or a prefix that ends in /*')
}

/** A line of a scope map; lines about gateways (connected registries) are read, and grant nothing. */
export type ScopeMapLine =
  | { readonly kind: 'repository'; readonly repository: RepositoryPattern; readonly permission: ScopeMapPermission }
  | { readonly kind: 'gateway' }

const SCOPE_MAP_PERMISSIONS: readonly ScopeMapPermission[] = [
  'content/read',
  'content/write',
  'content/delete',
  'metadata/read',
  'metadata/write',
]

const isScopeMapPermission = (text: string): text is ScopeMapPermission =>
  SCOPE_MAP_PERMISSIONS.some((permission) => permission === text)

const SCOPE_MAP_LINE = /^repositories\/(.+)\/([^/]+\/[^/]+)$/

function isScopeMapLine(text: string): boolean {
  const [, repository, permission = ''] = SCOPE_MAP_LINE.exec(text) ?? []
  return repository !== undefined && isScopeMapPermission(permission) && parseRepositoryPattern(repository).ok
}

/** `repositories/<pattern>/<content|metadata>/<verb>`: the last two segments are the permission. */
export const readScopeMapLine: Field<ScopeMapLine> = (text) => {
  if (/\s- /.test(text)) {
    return fail('scope_map_action_invalid', `"${text}" is two lines in one`, 'indent the - of each by as many spaces')
  }
  if (/^gateway\/[^/]+\/(?:config|message)\/(?:read|write)$/i.test(text)) return ok({ kind: 'gateway' })
  const match = SCOPE_MAP_LINE.exec(text)
  const [, repository = '', permission = ''] = match ?? []
  if (match === null) {
    const meant = similarLines(text.toLowerCase()).find(isScopeMapLine)
    const hint = `write ${meant ?? 'repositories/<repository>/content/read'}`
    return fail('scope_map_action_invalid', `"${text}" is not an action of a scope map`, hint)
  }
  if (!isScopeMapPermission(permission)) {
    if (permission.toLowerCase() === 'metadata/delete') {
      const hint = 'use content/delete, or a role assignment with a role that deletes metadata'
      return fail('scope_map_action_invalid', 'a scope map cannot grant metadata/delete', hint)
    }
    const guess = nearest(permission, SCOPE_MAP_PERMISSIONS)
    const hint = didYouMean(
      guess && `repositories/${repository}/${guess}`,
      `it ends in one of ${SCOPE_MAP_PERMISSIONS.join(', ')}`,
    )
    return fail('scope_map_action_invalid', `"${permission}" is not a permission of a scope map`, hint)
  }
  const pattern = readRepositoryPattern(repository)
  return pattern.ok ? ok({ kind: 'repository', repository: pattern.value, permission }) : pattern
}

/** What a line that does not begin with `repositories/` may mean, the likeliest first. */
function similarLines(text: string): readonly string[] {
  const path = text.replace(/^\/+/, '')
  const [first = ''] = path.split('/')
  const isMisspelt = /^repos?$/.test(first) || nearest(first, ['repository', 'repositories']) !== undefined
  return [path, ...(isMisspelt ? [path.replace(first, 'repositories')] : []), `repositories/${path}`]
}

const PRINCIPAL_FORMS = 'token:NAME, identity:NAME, subject:ISSUER/ID, group:ISSUER/ID, anonymous or everyone'

/** Reads a principal: `token:NAME`, `subject:ISSUER/ID` and the other kinds. */
export const readPrincipal: Field<Principal> = (text) => {
  const principal = parsePrincipal(text)
  if (principal.ok) return principal
  const colon = text.indexOf(':')
  const kind = colon < 0 ? text : text.slice(0, colon)
  const guess = nearest(kind, ['token', 'identity', 'subject', 'group', 'anonymous', 'everyone'])
  const corrected = guess === undefined ? undefined : guess + (colon < 0 ? '' : text.slice(colon))
  const works = corrected !== undefined && parsePrincipal(corrected).ok ? corrected : undefined
  return fail('principal_invalid', `"${text}" is not a principal`, didYouMean(works, `write ${PRINCIPAL_FORMS}`))
}

/** A permission or control-plane action, in any accepted spelling. */
export const readAction: Field<Action> = (text) => {
  const action = parseAction(text)
  return action.ok ? action : err(actionComplaint(text))
}

const actionComplaint = (text: string): Complaint =>
  complaint(
    'permission_unknown',
    `"${text}" is not a permission`,
    didYouMean(
      nearest(text, [...PERMISSIONS, ...Object.values(DATA_ACTIONS)]),
      `write one of ${PERMISSIONS.join(', ')}, or a control-plane action in full`,
    ),
  )

/** The spellings of a permission that a wildcard may cover. */
const spellings = (permission: Permission): readonly string[] => {
  const full = DATA_ACTIONS[permission]
  const relative = full.slice('Microsoft.ContainerRegistry/registries/'.length)
  return [permission, relative, `registries/${relative}`, full]
}

const covered = (pattern: string): readonly Permission[] =>
  PERMISSIONS.filter((permission) => spellings(permission).some((text) => matchesAction(pattern, text)))

/** What a deny assignment denies: data permissions, and patterns of control-plane actions. */
export type Denied = { readonly permissions: readonly Permission[]; readonly actions: readonly string[] }

/** One line of a deny assignment's `permissions`. `*` and `*`-led patterns deny on both planes, `content/*` only data. */
export const readDenied: Field<Denied> = (text) => {
  if (!text.includes('*')) {
    const action = readAction(text)
    if (!action.ok) return action
    return ok(
      isDataPermission(action.value)
        ? { permissions: [action.value], actions: [] }
        : { permissions: [], actions: [action.value] },
    )
  }
  const permissions = covered(text)
  const full = /^registries\//i.test(text) ? `Microsoft.ContainerRegistry/${text}` : text
  const actions = isFullPattern(full) ? [full] : []
  if (permissions.length === 0 && actions.length === 0) {
    return fail('permission_unknown', `"${text}" covers no permission`, 'write e.g. content/*, */delete or *')
  }
  return ok({ permissions, actions })
}

/** A pattern of actions in Azure's own spelling: any provider's, or one that starts with a wildcard. */
const isFullPattern = (text: string) => /^(?:\*|[a-z0-9]+\.[a-z0-9.*]+(?:\/|$))\S*$/i.test(text)

/** One line of a role: a pattern in Azure's spelling, or a data permission in a shorter one. */
export const readRoleAction: Field<readonly string[]> = (text) => {
  if (isFullPattern(text)) return ok([text])
  if (text.includes('*') && covered(text).length > 0) return ok(covered(text).map(azureAction))
  const action = parseAction(text)
  return action.ok ? ok([azureAction(action.value)]) : err(actionComplaint(text))
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** A duration of whole seconds, minutes, hours or days, as seconds: at most ten years. */
export const readDuration: Field<number> = (text) => {
  const [, count = '', unit = ''] = /^([1-9]\d{0,8})([smhd])$/.exec(text) ?? []
  const seconds = Number(count) * (UNIT_SECONDS[unit] ?? 0)
  return seconds > 0 && seconds <= 3650 * 86_400
    ? ok(seconds)
    : fail('duration_invalid', `"${text}" is not a duration`, 'write a number and s, m, h or d, e.g. 7d')
}

/** The digest of a manifest. */
export const readDigest: Field<Digest> = (text) => {
  const digest = parseDigest(text)
  return digest.ok
    ? ok(digest.value)
    : fail('digest_invalid', `"${text}" is not a digest`, 'write sha256: and 64 hex digits in lower case')
}

/** The pattern of a tag: a tag with `*` for any characters. */
export const readTagPattern: Field<string> = (text) =>
  /^[A-Za-z0-9_*][A-Za-z0-9._*-]{0,127}$/.test(text)
    ? ok(text)
    : fail(
        'tag_invalid',
        `"${text}" is not a pattern of tags`,
        'use letters, digits, _, . and -, and * for any characters',
      )

/** A claim's pattern: `*` stays inside one segment, `**` spans segments. */
export const readGlob: Field<string> = (text) => {
  if (text === '')
    return fail('glob_invalid', 'an empty pattern matches no claim', 'write the value, or remove the claim')
  return text.includes('***')
    ? fail('glob_invalid', `"${text}" has three * in a row`, 'write * for one segment, ** for any number')
    : ok(text)
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'))

const parseUrl = (text: string) => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url !== undefined && url.username === '' && url.password === '' && !/[\s\\]/.test(text) ? url : undefined
}
const isSecure = (url: URL) => url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))

/** The `iss` of an issuer: OpenID Connect Discovery 1.0 section 3 allows neither query nor fragment. */
export const readIssuerUrl: Field<string> = (text) => {
  const url = parseUrl(text)
  if (url === undefined || !isSecure(url)) {
    const secure = text.startsWith('http://') ? text.replace('http://', 'https://') : undefined
    const hint = didYouMean(secure, 'write the `iss` claim of its tokens; http is for loopback hosts only')
    return fail('url_invalid', `"${text}" is not an https URL`, hint)
  }
  return /[?#]/.test(text)
    ? fail('url_invalid', `the issuer "${text}" has a query or fragment`, 'write the `iss` claim of its tokens')
    : ok(text)
}

/** Reads the URL of an issuer's keys. */
export const readJwksUri: Field<string> = (text) => {
  const url = parseUrl(text)
  return url !== undefined && isSecure(url)
    ? ok(text)
    : fail(
        'url_invalid',
        `"${text}" is not an https URL`,
        'write where the issuer publishes its keys, or give them as `jwks`',
      )
}

/** A repository name of a question: never a pattern. */
export const readRepository: Field<RepositoryName> = (text) => {
  const name = parseRepositoryName(text)
  return name.ok
    ? name
    : fail('name_invalid', `"${text}" is not a repository name`, 'write one repository, in lower case')
}

/** Reads a tag. */
export const readTag: Field<Tag> = (text) => {
  const tag = parseTag(text)
  return tag.ok ? tag : fail('tag_invalid', `"${text}" is not a tag`, 'use up to 128 letters, digits, _, . and -')
}

/** Reads an IP address. */
export const readIp: Field<string> = (text) =>
  isIP(text) === 0 ? fail('ip_invalid', `"${text}" is not an IP address`, 'write one IPv4 or IPv6 address') : ok(text)

/** `METHOD PATH`, as the client would send it; the gate's own parser checks the path. */
export const readRequestLine: Field<{ readonly method: string; readonly path: string }> = (text) => {
  const [, method, path] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S.*)$/.exec(text) ?? []
  return method === undefined || path === undefined
    ? fail('request_invalid', `"${text}" is not a request`, 'write a method and a path, e.g. GET /v2/app/tags/list')
    : ok({ method, path })
}
