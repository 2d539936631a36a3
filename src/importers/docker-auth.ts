/**
 * The `acl` of docker_auth as a policy. There the first entry that matches decides; here grants add up. So each account
 * of the file is followed through the list on its own, and a grant holds only where no earlier entry that lacks the
 * action has matched. An entry that cannot be said grants nothing, and what follows it is not granted where it
 * might have matched. Where the policy gives more all the same, the report says so.
 *
 * Source: docker_auth, its annotated reference configuration; its static authorizer, functions `Authorize` and `Matches`.
 */
import { parseIpRange } from '../policy/decide/condition/ip.ts'
import type { Source } from '../policy/model.ts'
import { type AclEntry, type DockerAuthFile, type Field, readDockerAuth, type Text } from './docker-auth-file.ts'
import { Findings, type Imported } from './finding.ts'
import { pathMatches, pathMatchWays } from './glob.ts'
import { placeOfWays } from './place.ts'
import { customRole, isTokenName, NO_RIGHTS, NO_RIGHTS_MAP, policyText, type RuleText } from './policy-text.ts'
import { parseRe2, re2Groups, re2Matches, re2Ways } from './re2.ts'
import { and, EVERYWHERE, formatWhere, isWithin, NOWHERE, not, or, placeOf, type Where } from './where.ts'

/** Options of an import from docker_auth. */
export type DockerAuthOptions = {
  /** The `service` that registries ask with; entries that name one are decided by it. */
  readonly service?: string
}

/** Docker's actions and the permissions that they are here; `other`: what only `*` gives. */
const PERMISSIONS = {
  pull: ['content/read', 'metadata/read'],
  push: ['content/write'],
  delete: ['content/delete', 'metadata/delete'],
  other: ['metadata/write'],
} as const
type Action = keyof typeof PERMISSIONS
const ACTIONS: readonly Action[] = ['pull', 'push', 'delete', 'other']
const CATALOG_ROLE = 'Container Registry Repository Catalog Lister'

/** Settings that bring users, and those that bring rules, from elsewhere. */
const OTHER_USERS = new Set([
  'bitbucket_auth',
  'couchdb_auth',
  'ext_auth',
  'gitea_auth',
  'github_auth',
  'gitlab_auth',
  'google_auth',
  'http_auth',
  'keycloak_auth',
  'kubernetes_auth',
  'ldap_auth',
  'mongo_auth',
  'oidc_auth',
  'plugin_authn',
  'xorm_auth',
])
const OTHER_RULES = new Set(['acl_couchdb', 'acl_mongo', 'acl_xorm', 'casbin_authz', 'ext_authz', 'plugin_authz'])
const OWN_SETTINGS = new Set(['server', 'token', 'users', 'acl'])

/** Where something matches; nothing if it cannot be said, and then `loose` is at least where. */
type Place = { readonly where: Where | undefined; readonly loose: Where; readonly reason?: string }
/** What one entry says of one account: of repositories, and of the catalog from which addresses. */
type Match = { readonly repository: Place; readonly catalog: Place }

const exactly = (where: Where): Place => ({ where, loose: where })
const always = (isTrue: boolean): Place => exactly(isTrue ? EVERYWHERE : NOWHERE)
const unknown = (reason: string): Place => ({ where: undefined, loose: EVERYWHERE, reason })

function all(places: readonly Place[]): Place {
  const loose = and(...places.map((place) => place.loose))
  if (loose === NOWHERE) return exactly(NOWHERE)
  const unsaid = places.find(({ where }) => where === undefined)
  if (unsaid !== undefined) return { ...unsaid, loose }
  return { where: and(...places.map(({ where }) => where ?? NOWHERE)), loose }
}

function any(places: readonly Place[]): Place {
  const unsaid = places.find(({ where }) => where === undefined)
  const loose = or(...places.map((place) => place.loose))
  if (places.some(({ where }) => where === EVERYWHERE)) return exactly(EVERYWHERE)
  return unsaid === undefined
    ? { where: or(...places.map(({ where }) => where ?? NOWHERE)), loose }
    : { ...unsaid, loose }
}

/** @throws {@link ImportError} when the file holds no `acl` of docker_auth, or docker_auth would not start with it */
export function importDockerAuth(file: string, text: string, options: DockerAuthOptions): Imported {
  return new Importer(readDockerAuth(file, text), options).import(file)
}

/** The rules of an account, and where each action is granted. */
type AccountRules = { readonly rules: readonly RuleText[]; readonly granted: ReadonlyMap<Action | 'catalog', Where> }

class Importer {
  readonly #file: DockerAuthFile
  readonly #options: DockerAuthOptions
  readonly #findings = new Findings()
  #hasOtherUsers = false
  /** Entries that are reported because an account reaches them. */
  readonly #unsaid = new Set<AclEntry>()

  constructor(file: DockerAuthFile, options: DockerAuthOptions) {
    this.#file = file
    this.#options = options
  }

  import(file: string): Imported {
    this.#reportSettings()
    this.#reportActions()
    const rules: RuleText[] = []
    const tokens: Record<string, object> = {}
    const accounts = this.#accounts()
    const anonymous = accounts.has('') ? this.#rules('').granted : new Map()
    for (const [account, source] of accounts) {
      if (account !== '' && !isTokenName(account)) {
        const hint = 'give the user another name, of letters, digits, - and _, and import again'
        this.#findings.lost(source, `"${account}" cannot be the name of a token`, hint)
        continue
      }
      const own = this.#rules(account)
      rules.push(...own.rules)
      if (account === '') continue
      tokens[account] = { scopeMap: NO_RIGHTS }
      const what = `${account} needs a new password: a bcrypt hash cannot be imported`
      this.#findings.note(source, what, `dockgate token rotate ${account}`)
      this.#reportAnonymous(account, source, own.granted, anonymous)
    }
    this.#reportPatterns()
    if (this.#hasOtherUsers && anonymous.size > 0) {
      const what = 'users from elsewhere have at least the rights of anonymous callers here'
      const hint = 'where the acl refuses them more, write a deny assignment'
      this.#findings.wider(accounts.get('') ?? { file, line: 1, column: 1 }, what, hint)
    }
    const used = new Set(rules.map(({ role }) => role))
    const text = policyText([`Imported from the acl of a docker_auth configuration, ${file}.`], {
      registry: this.#options.service === undefined ? {} : { service: this.#options.service },
      scopeMaps: NO_RIGHTS_MAP,
      tokens,
      roles: actionSets()
        .map((actions) => [roleName(actions), actions] as const)
        .filter(([name]) => used.has(name))
        .map(([name, actions]) =>
          customRole(
            name,
            actions.flatMap((action) => PERMISSIONS[action]),
          ),
        ),
      roleAssignments: rules,
    })
    return { text, findings: this.#findings.all }
  }

  #reportSettings(): void {
    for (const [key, source] of this.#file.settings) {
      if (OTHER_USERS.has(key)) {
        const hint = 'add an issuer for them, and role assignments to subject:ISSUER/ID, group:ISSUER/ID or identities'
        this.#hasOtherUsers = true
        this.#findings.lost(source, `the users of ${key} are not in the file: rules for them are not imported`, hint)
      } else if (OTHER_RULES.has(key)) {
        this.#findings.lost(source, `the rules of ${key} are not in the file`, 'write them by hand')
      } else if (!OWN_SETTINGS.has(key)) {
        this.#findings.note(source, `the setting ${key} is not known here, and not imported`)
      }
    }
  }

  #reportActions(): void {
    for (const { actions } of this.#file.acl) {
      for (const { text, source } of actions) {
        if (text === '*' ? actions.length === 1 : ACTIONS.some((action) => action === text && text !== 'other'))
          continue
        const what =
          text === '*'
            ? 'among other actions, * holds only for clients that ask for it: it is imported for the catalog alone'
            : `the action "${text}" has no equal here`
        this.#findings.lost(source, what, 'actions are pull, push and delete, or * alone')
      }
    }
  }

  /** docker_auth reads every pattern before it starts, also those of entries that no account of the file reaches. */
  #reportPatterns(): void {
    for (const entry of this.#file.acl) {
      if (this.#unsaid.has(entry)) continue
      const { ip, labels, ...texts } = entry.match
      if (ip !== undefined && parseIpRange(ip.text) === undefined) {
        this.#findings.lost(ip.source, `"${ip.text}" is not an address or range`, UNREAD_HINT)
      }
      for (const { text, source } of [...Object.values(texts), ...labels.values()]) {
        const regex = /^\/(.*)\/$/s.exec(text)?.[1]
        if (regex === undefined || parseRe2(regex) !== undefined) continue
        this.#findings.lost(source, `the regular expression ${text} is not understood`, UNREAD_HINT)
      }
    }
  }

  /** People who are signed in keep the rights of anonymous callers here, and only here. */
  #reportAnonymous(
    account: string,
    source: Source,
    own: AccountRules['granted'],
    anonymous: AccountRules['granted'],
  ): void {
    const more = [...anonymous].flatMap(([action, where]) =>
      isWithin(where, own.get(action) ?? NOWHERE) ? [] : [action === 'other' ? '*' : action],
    )
    if (more.length === 0) return
    const what = `${account} has at least the rights of anonymous callers here: ${more.join(', ')}, which the acl does not give it everywhere`
    this.#findings.wider(source, what, 'grant the account the same in the acl, or write a deny assignment')
  }

  /** The accounts that can sign in, `''` for anonymous callers, and those that a rule names. */
  #accounts(): ReadonlyMap<string, Source> {
    const accounts = new Map([...this.#file.users].map(([name, { source }]) => [name, source]))
    // Without other users, an account that only a rule names can never sign in.
    if (!this.#hasOtherUsers) return accounts
    for (const { match } of this.#file.acl) {
      const { account } = match
      if (account !== undefined && /^[\w@.-]+$/.test(account.text) && !accounts.has(account.text)) {
        accounts.set(account.text, account.source)
      }
    }
    return accounts
  }

  /** The list as one account meets it, from top to bottom. */
  #rules(account: string): AccountRules {
    const rules: RuleText[] = []
    const granted = new Map<Action | 'catalog', Where>()
    const taken = new Map<Action | 'catalog', Where>()
    const everywhere = new Set<Action>()
    const takenBy = (action: Action | 'catalog') => taken.get(action) ?? NOWHERE
    for (const [index, entry] of this.#file.acl.entries()) {
      const { repository, catalog } = this.#match(entry, account)
      if (repository.loose === NOWHERE && catalog.loose === NOWHERE) continue
      const given = actionsOf(entry)
      const { line } = entry.source
      const who = account === '' ? 'anonymous' : account
      const add = (role: string, actions: readonly (Action | 'catalog')[], where: Where) => {
        const place = actions.includes('catalog') ? addressOf(where) : placeOf(where)
        if (place === undefined) {
          const hint = 'put the entries that it must not reach behind it, or write it by hand'
          this.#findings.lost(entry.source, 'the condition would be longer than 8 KiB', hint)
          return
        }
        for (const action of actions) granted.set(action, or(granted.get(action) ?? NOWHERE, where))
        rules.push({
          name: `${who}-acl-${index + 1}-${actions.join('-')}`,
          principal: account === '' ? 'anonymous' : `token:${account}`,
          role,
          ...place,
          comment: `acl entry ${index + 1}, line ${line}${commentOf(entry)}`,
        })
      }
      const regions = new Map<string, { where: Where; actions: Action[] }>()
      for (const action of ACTIONS) {
        if (!given.has(action)) {
          taken.set(action, or(takenBy(action), repository.loose))
          continue
        }
        const where = everywhere.has(action) ? NOWHERE : and(repository.where ?? NOWHERE, not(takenBy(action)))
        if (where === EVERYWHERE) everywhere.add(action)
        const region = regions.get(JSON.stringify(where))
        if (region !== undefined) region.actions.push(action)
        else if (where !== NOWHERE) regions.set(JSON.stringify(where), { where, actions: [action] })
      }
      for (const { where, actions } of regions.values()) add(roleName(actions), actions, where)
      if (entry.actions.some(({ text }) => text === '*')) {
        const where = and(catalog.where ?? NOWHERE, not(takenBy('catalog')))
        if (where !== NOWHERE) add(CATALOG_ROLE, ['catalog'], where)
      } else taken.set('catalog', or(takenBy('catalog'), catalog.loose))
    }
    return { rules, granted }
  }

  #match(entry: AclEntry, account: string): Match {
    const labels = this.#file.users.get(account)?.labels
    const { service } = this.#options
    const requested = (type: 'repository' | 'registry') =>
      new RequestMatch(entry, { account, type, service, labels }).place()
    const [repository, catalog] = [requested('repository'), requested('registry')]
    const unsaid = [repository, catalog].find((place) => place.where === undefined)
    if (unsaid?.reason !== undefined) {
      const hint = 'write the rule by hand; nothing is granted by it, nor by later ones where it might match'
      this.#unsaid.add(entry)
      this.#findings.lost(entry.source, unsaid.reason, hint)
    }
    return { repository, catalog }
  }
}

const UNREAD_HINT = 'docker_auth may not start with it: correct it, and import again'

type Asked = {
  readonly account: string
  readonly type: 'repository' | 'registry'
  readonly service: string | undefined
  /** Undefined: those of a user who is not in the file. */
  readonly labels: ReadonlyMap<string, readonly string[]> | undefined
}

/** A variable and its text; undefined if it is known only when a request comes. */
type Variables = readonly (readonly [variable: string, text: string | undefined])[]
const MAX_LABEL_CHOICES = 100
/** How a pattern writes a variable. */
const variable = (name: string): string => `\${${name}}`
const NAME_VARIABLE = variable('name')

/** One entry, and one kind of request of one account: all is known of it but the repository, the address, perhaps the service. */
class RequestMatch {
  readonly #entry: AclEntry
  readonly #asked: Asked
  readonly #texts: Readonly<Record<'account' | 'type' | 'name' | 'service', string | undefined>>

  constructor(entry: AclEntry, asked: Asked) {
    this.#entry = entry
    this.#asked = asked
    const { account, type, service } = asked
    this.#texts = { account, type, service, name: type === 'registry' ? 'catalog' : undefined }
  }

  place(): Place {
    const { match } = this.#entry
    const variables = this.#variables()
    const places: Place[] = []
    for (const field of ['account', 'type', 'name', 'service'] as const) {
      const pattern = match[field]
      if (pattern !== undefined) places.push(this.#fieldPlace(field, pattern, variables))
    }
    if (match.ip !== undefined) {
      const { text } = match.ip
      const range = parseIpRange(text)
      places.push(
        range === undefined ? unknown(`"${text}" is not an address or range`) : exactly({ kind: 'ip', range: text }),
      )
    }
    for (const [label, pattern] of match.labels) places.push(this.#labelPlace(label, pattern, variables))
    return all(places)
  }

  #fieldPlace(field: Exclude<Field, 'ip'>, pattern: Text, variables: Variables): Place {
    const { text } = pattern
    const { labels } = this.#asked
    const named = [...new Set([...text.matchAll(/\$\{labels:([^}]*)\}/g)].map(([, label = '']) => label))]
    const basic = this.#patternPlace(field, text, variables)
    if (named.length === 0 || basic.where === EVERYWHERE) return basic
    if (labels === undefined) return unknown('labels come with users that are not in the file')
    let choices: Variables[] = [[]]
    for (const label of named) {
      const values = labels.get(label)
      // What has no label keeps its placeholder.
      if (values === undefined) continue
      choices = choices.flatMap((choice) =>
        values.map((value) => [...choice, [variable(`labels:${label}`), value] as const]),
      )
      if (choices.length > MAX_LABEL_CHOICES) return unknown(`${text} has more than 100 meanings`)
    }
    return any([basic, ...choices.map((choice) => this.#patternPlace(field, text, [...variables, ...choice]))])
  }

  #patternPlace(field: Exclude<Field, 'ip'>, pattern: string, variables: Variables): Place {
    const known = this.#texts[field]
    const filled = fill(pattern, variables)
    if (known === undefined && field === 'service') {
      return unknown('an entry for one service: say which is imported, with --service')
    }
    if (filled.isKnown) {
      if (known !== undefined) {
        const isMatch = matches(filled.text, known)
        return isMatch === undefined ? unknown(`the ${field} ${pattern} is not understood`) : always(isMatch)
      }
      const where = whereOf(filled.text)
      return where === undefined ? unknown(`the name ${pattern} cannot be said in a condition`) : exactly(where)
    }
    // Only the name of the repository is left to know.
    const isEverything = new Set(['', '^', '$', '^$'].map((anchors) => withAnchors(anchors))).has(filled.text)
    if (known === undefined && (filled.text === NAME_VARIABLE || isEverything)) return exactly(EVERYWHERE)
    const equal = known === undefined ? undefined : nameFor(filled.text, known)
    return equal === undefined ? unknown(`the ${field} ${pattern} cannot be said in a condition`) : exactly(equal)
  }

  #labelPlace(label: string, pattern: Text, variables: Variables): Place {
    const { labels } = this.#asked
    if (labels === undefined) return unknown('labels come with users that are not in the file')
    const filled = fill(pattern.text, variables)
    return any(
      (labels.get(label) ?? []).map((value) => {
        if (!filled.isKnown) {
          const equal = nameFor(filled.text, value)
          return equal === undefined
            ? unknown(`the label ${pattern.text} cannot be said in a condition`)
            : exactly(equal)
        }
        const isMatch = matches(filled.text, value)
        return isMatch === undefined ? unknown(`the label ${pattern.text} is not understood`) : always(isMatch)
      }),
    )
  }

  /** The variables of a request, in the order in which docker_auth looks for them. */
  #variables(): Variables {
    const { match } = this.#entry
    const { account, type, name, service } = this.#texts
    const quoted = (text: string | undefined) => (text === undefined ? undefined : quoteMeta(text))
    const variables: [string, string | undefined][] = [
      [variable('account'), quoted(account)],
      [variable('type'), quoted(type)],
      [NAME_VARIABLE, quoted(name)],
      [variable('service'), quoted(service)],
    ]
    for (const field of ['account', 'type', 'name', 'service'] as const) {
      for (const [whole, key = '', index = ''] of (match[field]?.text ?? '').matchAll(/\$\{(.+?):(\d+)\}/g)) {
        const from = FIELD_NAMES.find((known) => known === key || titled(known) === key)
        const regex = from === undefined ? undefined : /^\/(.*)\/$/s.exec(match[from]?.text ?? '')?.[1]
        if (from === undefined || regex === undefined) continue
        const text = this.#texts[from]
        const re2 = parseRe2(regex)
        const groups = re2 === undefined || text === undefined ? undefined : re2Groups(re2, text)
        if (groups === undefined) variables.push([whole, undefined])
        else {
          const group = groups?.[Number(index) - 1]
          if (group !== undefined) variables.push([whole, group])
        }
      }
    }
    return variables
  }
}

const FIELD_NAMES = ['account', 'type', 'name', 'service'] as const
const titled = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

const withAnchors = (anchors: string): string =>
  `/${anchors.startsWith('^') ? '^' : ''}${NAME_VARIABLE}${anchors.endsWith('$') ? '$' : ''}/`

/** A pattern with its variables filled in, the first one of the list first; those that are not known yet stay. */
function fill(pattern: string, variables: Variables): { readonly text: string; readonly isKnown: boolean } {
  let text = ''
  let isKnown = true
  for (let at = 0; at < pattern.length; ) {
    const found = variables.find(([key]) => pattern.startsWith(key, at))
    if (found === undefined) text += pattern[at++]
    else {
      const [key, value] = found
      text += value ?? key
      isKnown = isKnown && value !== undefined
      at += key.length
    }
  }
  return { text, isKnown }
}

/**
 * The name that makes a pattern with one `${name}` match a text that is known; nothing if it may be several.
 */
function nameFor(pattern: string, text: string): Where | undefined {
  const body = /^\/\^(.*)\$\/$/s.exec(pattern)?.[1] ?? pattern
  const [head, tail, ...others] = body.split(NAME_VARIABLE)
  const isLiteral = (part: string | undefined): part is string => part !== undefined && /^[A-Za-z0-9_@:-]*$/.test(part)
  if (!isLiteral(head) || !isLiteral(tail) || others.length > 0) return undefined
  const name = text.slice(head.length, text.length - tail.length)
  if (head + name + tail !== text || name === '') return NOWHERE
  return whereOf(quoteMeta(name))
}

const quoteMeta = (text: string): string => text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')

/** The text between the slashes of `/…/`. */
const regexOf = (pattern: string): string | undefined => /^\/(.+)\/$/s.exec(pattern)?.[1]

/** Where a pattern matches the name of a repository; nothing if a condition cannot say it. */
function whereOf(pattern: string): Where | undefined {
  const regex = regexOf(pattern)
  const re2 = regex === undefined ? undefined : parseRe2(regex)
  if (regex !== undefined && re2 === undefined) return undefined
  const ways = re2 === undefined ? pathMatchWays(pattern) : re2Ways(re2)
  return ways && placeOfWays(ways)
}

/** Whether a pattern matches what is known; nothing if it is not understood. */
function matches(pattern: string, text: string): boolean | undefined {
  const regex = regexOf(pattern)
  if (regex === undefined) return pathMatches(pattern, text)
  const re2 = parseRe2(regex)
  return re2 && re2Matches(re2, text)
}

function actionsOf({ actions }: AclEntry): ReadonlySet<Action> {
  const listed = actions.map(({ text }) => text)
  if (listed.length === 1 && listed[0] === '*') return new Set(ACTIONS)
  return new Set(ACTIONS.filter((action) => action !== 'other' && listed.includes(action)))
}

const commentOf = ({ comment }: AclEntry): string =>
  comment === undefined ? '' : `: ${comment.replace(/\s+/g, ' ').trim()}`

/** The place of a rule whose permission has no repository: from which addresses. */
const addressOf = (where: Where): { readonly condition?: string } =>
  where === EVERYWHERE ? {} : { condition: formatWhere(where) }

const roleName = (actions: readonly Action[]): string =>
  actions.length === ACTIONS.length ? 'docker-auth-all' : `docker-auth-${actions.join('-')}`

/** Every set of actions that a rule may give together. */
const actionSets = (): readonly (readonly Action[])[] =>
  Array.from({ length: 2 ** ACTIONS.length - 1 }, (_, bits) =>
    ACTIONS.filter((_, at) => ((bits + 1) & (1 << at)) !== 0),
  )
