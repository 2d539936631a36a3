/**
 * The `acl` of docker_auth as a policy. There the first entry that matches decides; here grants add up. So each account
 * of the file is followed through the list on its own, and a grant holds only where no earlier entry that lacks the
 * action has matched. Gives nobody more than the list did: an entry that cannot be said grants nothing, and what stands
 * behind it is not granted where it might have matched.
 *
 * Source: docker_auth, its annotated reference configuration; its static authorizer, functions `Authorize` and `Matches`.
 */
import { FileDocument, isMapping } from '../files/document.ts'
import { Entry } from '../files/entry.ts'
import { Report } from '../files/problem.ts'
import { parseIpRange } from '../policy/condition/ip.ts'
import type { Source } from '../policy/model.ts'
import { Findings, type Imported } from './finding.ts'
import { globMatches, globWhere } from './glob.ts'
import { ImportError, unreadable } from './input.ts'
import { customRole, isTokenName, NO_RIGHTS, NO_RIGHTS_MAP, policyText, type RuleText } from './policy-text.ts'
import { regexMatches, regexWhere } from './regex.ts'
import { and, EVERYWHERE, formatWhere, NOWHERE, not, or, placeOf, type Where } from './where.ts'

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

const OTHER_USERS = /^(?:google|github|gitlab|ldap|mongo|xorm|oidc|ext|plugin|couchdb|keycloak|gitea)_?auth/
const OTHER_RULES = /^(?:acl_\w+|ext_authz|casbin_authz|plugin_authz)$/

/** What one entry says of one account. */
type Match = {
  /** Nothing: it cannot be said. */
  readonly where: Where | undefined
  /** At least where it matches. */
  readonly loose: Where
  /** The same of the catalog, from which addresses. */
  readonly catalog: Where | undefined
  readonly looseCatalog: Where
}
const NO_MATCH: Match = { where: NOWHERE, loose: NOWHERE, catalog: NOWHERE, looseCatalog: NOWHERE }

/** @throws {@link ImportError} when the file holds no `acl` of docker_auth */
export function importDockerAuth(file: string, text: string, options: DockerAuthOptions): Imported {
  const report = new Report()
  const document = FileDocument.read(file, text, report)
  if (report.errors > 0) throw unreadable(report.problems)
  const root = new Entry(document, [], document.value)
  if (!Array.isArray(root.child('acl').value)) {
    throw new ImportError(`${file} has no acl`, 'rules that lie in a database or a program cannot be imported')
  }
  return new Reader(root, options).read(file)
}

class Reader {
  readonly #root: Entry
  readonly #entries: readonly Entry[]
  readonly #options: DockerAuthOptions
  readonly #findings = new Findings()
  #hasOtherUsers = false

  constructor(root: Entry, options: DockerAuthOptions) {
    this.#root = root
    this.#entries = root.child('acl').children()
    this.#options = options
  }

  read(file: string): Imported {
    this.#reportOthers()
    const rules: RuleText[] = []
    const tokens: Record<string, object> = {}
    for (const [account, source] of this.#accounts()) {
      if (account !== '' && !isTokenName(account)) {
        const hint = 'give the user another name, of letters, digits, - and _, and import again'
        this.#findings.lost(source, `"${account}" cannot be the name of a token`, hint)
        continue
      }
      if (account !== '') {
        tokens[account] = { scopeMap: NO_RIGHTS }
        const what = `${account} needs a new password: a bcrypt hash cannot be imported`
        this.#findings.note(source, what, `dockgate token rotate ${account}`)
      }
      rules.push(...this.#rules(account))
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

  #reportOthers(): void {
    for (const key of isMapping(this.#root.value) ? Object.keys(this.#root.value) : []) {
      const { source } = this.#root.child(key)
      if (OTHER_USERS.test(key)) {
        const hint = 'add an issuer for them, and role assignments to subject:ISSUER/ID, group:ISSUER/ID or identities'
        this.#hasOtherUsers = true
        this.#findings.lost(source, `the users of ${key} are not in the file: rules for them are not imported`, hint)
      } else if (OTHER_RULES.test(key)) {
        this.#findings.lost(source, `the rules of ${key} are not in the file`, 'write them by hand')
      }
    }
  }

  /** The accounts that can sign in, `''` for anonymous callers, and those that a rule names. */
  #accounts(): ReadonlyMap<string, Source> {
    const users = this.#root.child('users')
    const accounts = new Map<string, Source>()
    for (const name of isMapping(users.value) ? Object.keys(users.value) : []) {
      const user = users.child(name)
      if (user.value !== null) accounts.set(name, user.source)
    }
    // Without other users, an account that only a rule names can never sign in.
    if (!this.#hasOtherUsers) return accounts
    for (const entry of this.#entries) {
      const account = entry.child('match').child('account')
      const name = account.value
      if (typeof name === 'string' && /^[\w@.-]+$/.test(name) && !accounts.has(name)) accounts.set(name, account.source)
    }
    return accounts
  }

  /** The list as one account meets it, from top to bottom. */
  #rules(account: string): readonly RuleText[] {
    const rules: RuleText[] = []
    const taken = new Map<Action | 'catalog', Where>()
    const everywhere = new Set<Action>()
    const takenBy = (action: Action | 'catalog') => taken.get(action) ?? NOWHERE
    for (const [index, entry] of this.#entries.entries()) {
      const match = this.#match(entry, account)
      if (match.loose === NOWHERE && match.looseCatalog === NOWHERE) continue
      const given = actionsOf(entry)
      const { line } = entry.source
      const who = account === '' ? 'anonymous' : account
      const add = (role: string, actions: string, where: Where, isUnnamed = false) => {
        const place = isUnnamed ? addressOf(where) : placeOf(where)
        if (place === undefined) {
          const hint = 'put the entries that it must not reach behind it, or write it by hand'
          this.#findings.lost(entry.source, 'the condition would be longer than 8 KiB', hint)
          return
        }
        rules.push({
          name: `${who}-acl-${index + 1}-${actions}`,
          principal: account === '' ? 'anonymous' : `token:${account}`,
          role,
          ...place,
          comment: `acl entry ${index + 1}, line ${line}${commentOf(entry)}`,
        })
      }
      const regions = new Map<string, { where: Where; actions: Action[] }>()
      for (const action of ACTIONS) {
        if (!given.has(action)) {
          taken.set(action, or(takenBy(action), match.loose))
          continue
        }
        const where = everywhere.has(action) ? NOWHERE : and(match.where ?? NOWHERE, not(takenBy(action)))
        if (where === EVERYWHERE) everywhere.add(action)
        const region = regions.get(JSON.stringify(where))
        if (region !== undefined) region.actions.push(action)
        else if (where !== NOWHERE) regions.set(JSON.stringify(where), { where, actions: [action] })
      }
      for (const { where, actions } of regions.values()) add(roleName(actions), actions.join('-'), where)
      if (listedActions(entry).includes('*')) {
        const where = and(match.catalog ?? NOWHERE, not(takenBy('catalog')))
        if (where !== NOWHERE) add(CATALOG_ROLE, 'catalog', where, true)
      } else taken.set('catalog', or(takenBy('catalog'), match.looseCatalog))
    }
    return rules
  }

  #match(entry: Entry, account: string): Match {
    const match = entry.child('match')
    const fields = this.#fields(match, account)
    if (fields === undefined) return NO_MATCH
    const { source } = entry
    if (hasKeys(match.child('labels').value) || /\$\{labels:/.test(JSON.stringify(match.value ?? ''))) {
      // Accounts of the file itself have none.
      this.#findings.lost(source, 'labels come with users that are not in the file', 'use groups of an issuer')
      return NO_MATCH
    }
    const { account: own, type, name, service, ip } = fields
    if (ip !== undefined && parseIpRange(ip) === undefined) {
      return this.#unsaid(source, `"${ip}" is not an address or range`, EVERYWHERE, EVERYWHERE)
    }
    const address: Where = ip === undefined ? EVERYWHERE : { kind: 'ip', range: ip }
    const isNamed =
      service === undefined || this.#options.service === undefined || matches(service, this.#options.service)
    if (isNamed === false) return NO_MATCH
    const types = { repository: matches(type, 'repository'), registry: matches(type, 'registry') }
    const catalog = types.registry === false || matches(name, 'catalog') === false ? NOWHERE : address
    const place = types.repository === false ? NOWHERE : address
    if (service !== undefined && this.#options.service === undefined) {
      const what = 'an entry for one service: say which is imported, with --service'
      return this.#unsaid(source, what, place, catalog)
    }
    const unclear = [own, type].find((pattern, at) => matches(pattern, [account, 'repository'][at] ?? '') === undefined)
    if (unclear !== undefined) return this.#unsaid(source, `${unclear} is not understood`, place, catalog)
    if (name === undefined || place === NOWHERE) return { where: place, loose: place, catalog, looseCatalog: catalog }
    const regex = regexOf(name)
    const names = regex === undefined ? globWhere(name) : regexWhere(regex)
    if (names === undefined) {
      const match = this.#unsaid(source, `the name ${name} cannot be said in a condition`, place, catalog)
      return matches(name, 'catalog') === undefined ? match : { ...match, catalog }
    }
    const where = and(names, place)
    return { where, loose: where, catalog, looseCatalog: catalog }
  }

  #unsaid(source: Source, what: string, loose: Where, looseCatalog: Where): Match {
    const hint = 'write the rule by hand; nothing is granted by it, nor by later ones where it might match'
    this.#findings.lost(source, what, hint)
    return { where: undefined, loose, catalog: undefined, looseCatalog }
  }

  /** The patterns with their variables filled in; nothing if the account's pattern does not even match. */
  #fields(match: Entry, account: string): Fields | undefined {
    const raw = (key: string): string | undefined => {
      const { value } = match.child(key)
      return typeof value === 'string' ? value : undefined
    }
    const pattern = raw('account')
    const captures =
      pattern === undefined ? undefined : regexMatches(regexOf(fill(pattern, account)) ?? '(?!)', account)
    const filled = (key: string): string | undefined => {
      const text = raw(key)
      if (text === undefined) return undefined
      const captured = text.replace(/\$\{account:(\d+)\}/gi, (whole, group) => captures?.[Number(group)] ?? whole)
      return fill(captured, account, this.#options.service)
    }
    const own = filled('account')
    if (own !== undefined && matches(own, account) === false) return undefined
    const [type, name, service, ip] = [filled('type'), filled('name'), filled('service'), raw('ip')]
    return { account: own, type, name, service, ip }
  }
}

type Fields = Readonly<Record<'account' | 'type' | 'name' | 'service' | 'ip', string | undefined>>

const hasKeys = (value: unknown): boolean => isMapping(value) && Object.keys(value).length > 0

const variable = (name: string): string => `\${${name}}`

/** Variables that are known before a request comes; `${name}` in `name` is the name itself. */
const fill = (pattern: string, account: string, service = ''): string =>
  pattern
    .replaceAll(variable('account'), quoteMeta(account))
    .replaceAll(variable('type'), 'repository')
    .replaceAll(variable('service'), quoteMeta(service))

const quoteMeta = (text: string): string => text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')

/** What stands between the slashes of `/…/`. */
const regexOf = (pattern: string): string | undefined => /^\/(.+)\/$/s.exec(pattern)?.[1]

/** Whether a field matches what is known; nothing if its pattern is not understood. */
function matches(pattern: string | undefined, text: string): boolean | undefined {
  if (pattern === undefined) return true
  const regex = regexOf(pattern)
  if (regex === undefined) return globMatches(pattern, text)
  const match = regexMatches(regex, text)
  return match === undefined ? undefined : match !== null
}

const listedActions = (entry: Entry): readonly unknown[] =>
  entry
    .child('actions')
    .children()
    .map(({ value }) => value)

function actionsOf(entry: Entry): ReadonlySet<Action> {
  const listed = listedActions(entry)
  if (listed.length === 1 && listed[0] === '*') return new Set(ACTIONS)
  return new Set(ACTIONS.filter((action) => action !== 'other' && listed.includes(action)))
}

function commentOf(entry: Entry): string {
  const { value } = entry.child('comment')
  return typeof value === 'string' ? `: ${value.replace(/\s+/g, ' ').trim()}` : ''
}

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
