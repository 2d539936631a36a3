/**
 * Declarations become a policy set: every name is followed, and what cannot be followed is reported with the nearest name
 * there is. Never reads files.
 */
import type {
  Condition,
  Credential,
  DenyAssignment,
  Identity,
  Issuer,
  PolicySet,
  RegistrySettings,
  RoleAssignment,
  RoleDefinition,
  ScopeMap,
  ScopeMapAction,
  Source,
  Token,
  Window,
} from '../policy/model.ts'
import { type Principal, type PrincipalKey, principalKey } from '../policy/principal.ts'
import { BUILT_IN_ROLES, findRole, roleGuid } from '../policy/roles.ts'
import { SYSTEM_SCOPE_MAPS } from '../policy/scope-maps.ts'
import { parseScope, registryOf, registryScope, type Scope } from './azure.ts'
import type { Declarations, Declared } from './collect.ts'
import { readCondition } from './condition.ts'
import { DEFAULT_SERVICE } from './definition.ts'
import type { Entry } from './entry.ts'
import { readName, readScopeMapLine, type ScopeMapLine } from './field.ts'
import { checkKeys } from './keys.ts'
import { Names } from './names.ts'
import { complaint, type Report } from './problem.ts'

/** The policy set; to be used only if no error was reported. */
export function resolve(declared: Declarations, report: Report): PolicySet {
  return new Resolver(declared, report).policies()
}

const GATEWAY = complaint(
  'gateway_action',
  'actions of gateways (connected registries) mean nothing here',
  'it grants nothing',
)
const ISSUER_HINT = 'a token could belong to either: put all audiences into one issuer'
const AZURE_PRINCIPALS: Readonly<Record<string, 'subject' | 'group'>> = {
  user: 'subject',
  serviceprincipal: 'subject',
  group: 'group',
}

const optional = <K extends string, V>(key: K, value: V | undefined): { readonly [key in K]?: V } =>
  // A computed key has type `string` to the compiler.
  (value === undefined ? {} : { [key]: value }) as { readonly [key in K]?: V }

const valuesOf = <T>(items: readonly Declared<T>[]): readonly T[] =>
  items.map(({ value }) => value).filter((value) => value !== undefined)

function credentialsOf({
  credentials = {},
}: NonNullable<Declarations['tokens'][number]['value']>): readonly Credential[] {
  const { password1, password2 } = credentials
  return [
    ...(password1 === undefined ? [] : [{ name: 'password1', ...password1 }]),
    ...(password2 === undefined ? [] : [{ name: 'password2', ...password2 }]),
  ]
}

class Resolver {
  readonly #declared: Declarations
  readonly #report: Report
  readonly #isOurs: (scope: Scope) => boolean
  readonly #roles = new Map<string, RoleDefinition | undefined>()
  readonly #names: Names
  readonly #azureScopeMaps: readonly Declarations['azure']['scopeMaps'][number][]
  readonly #azureTokens: readonly Declarations['azure']['tokens'][number][]
  readonly #positions = new Set<string>()
  readonly #settings: RegistrySettings

  constructor(declared: Declarations, report: Report) {
    this.#declared = declared
    this.#report = report
    this.#isOurs = this.#registry()
    this.#azureScopeMaps = this.#ours(declared.azure.scopeMaps)
    this.#azureTokens = this.#ours(declared.azure.tokens)
    const names = (...lists: readonly (readonly { name: string }[])[]) => new Set(lists.flat().map(({ name }) => name))
    const defined = {
      'scope map': names(declared.scopeMaps, this.#azureScopeMaps, SYSTEM_SCOPE_MAPS),
      token: names(declared.tokens, this.#azureTokens),
      issuer: names(declared.issuers),
      identity: names(declared.identities),
      role: names(declared.roles, BUILT_IN_ROLES),
    }
    this.#names = new Names(defined, report)
    this.#settings = this.#registrySettings()
  }

  policies(): PolicySet {
    const declared = this.#declared
    const roles = valuesOf(declared.roles)
    const issuers = declared.issuers.flatMap((item) => this.#issuer(item))
    return {
      registry: this.#settings,
      scopeMaps: [
        ...declared.scopeMaps.flatMap((item) => this.#scopeMap(item)),
        ...this.#azureScopeMaps.flatMap((item) => this.#azureScopeMap(item)),
      ],
      issuers,
      identities: declared.identities.flatMap((item) => this.#identity(item)),
      tokens: this.#tokens(),
      roles,
      roleAssignments: [
        ...declared.roleAssignments.flatMap((item) => this.#roleAssignment(item, roles)),
        ...this.#azureRoleAssignments(roles),
      ],
      denyAssignments: declared.denyAssignments.flatMap((item) => this.#denyAssignment(item)),
    }
  }

  #registrySettings(): RegistrySettings {
    const [declared] = this.#declared.registry
    const value = declared?.value
    if (declared === undefined) {
      // What a broken file declares is not known, and its own mistake is reported.
      if (this.#report.errors === 0 && this.#isEmpty()) {
        const first = { file: '.', line: 1, column: 1 }
        const hint = 'add a file with `registry: { service: <host name of the gate> }`, and who may do what'
        this.#report.error(first, complaint('nothing_declared', 'no file declares anything', hint))
      }
      return {
        service: this.#azureService() ?? DEFAULT_SERVICE,
        mode: 'abac',
        catalog: 'filtered',
        anonymous: [],
        tokenLifetimeSeconds: 900,
      }
    }
    if (value?.entraIssuer !== undefined)
      this.#names.require('issuer', value.entraIssuer, declared.entry.at('entraIssuer'))
    return {
      service: value?.service ?? DEFAULT_SERVICE,
      mode: value?.mode ?? 'abac',
      catalog: value?.catalog ?? 'filtered',
      anonymous: this.#lines(value?.anonymous ?? [], declared.entry.child('anonymous')),
      tokenLifetimeSeconds: value?.tokenLifetimeSeconds ?? 900,
    }
  }

  /** An empty folder is a mistake: nobody means to refuse everything. */
  #isEmpty(): boolean {
    const { azure, ...sections } = this.#declared
    return [...Object.values(sections), ...Object.values(azure)].every(
      (list) => !Array.isArray(list) || list.length === 0,
    )
  }

  /** A set of nothing but Azure lists is about the registry that they name. */
  #azureService(): string | undefined {
    const { azure, registry, ...sections } = this.#declared
    if (Object.values(sections).some((list) => Array.isArray(list) && list.length > 0)) return undefined
    const names = [...azure.scopeMaps, ...azure.tokens].map(({ value }) => registryOf(value?.id)?.registry)
    const [name] = new Set(names)
    return name === undefined || new Set(names).size > 1 ? undefined : `${name}.azurecr.io`
  }

  #lines(lines: readonly ScopeMapLine[], list: Entry): readonly ScopeMapAction[] {
    return lines.flatMap((line, index) => this.#line(line, list.at(index)))
  }

  #line(line: ScopeMapLine, source: Source): readonly ScopeMapAction[] {
    if (line.kind === 'repository') return [{ repository: line.repository, permission: line.permission, source }]
    this.#report.warning(source, GATEWAY)
    return []
  }

  #scopeMap({ name, entry, value }: Declarations['scopeMaps'][number]): readonly ScopeMap[] {
    if (value === undefined) return []
    const actions = this.#lines(value.actions, entry.child('actions'))
    return [{ name, ...optional('description', value.description), actions, source: entry.source }]
  }

  #azureScopeMap({ name, entry, value }: Declarations['azure']['scopeMaps'][number]): readonly ScopeMap[] {
    if (value === undefined || !this.#isFree('scope map', name, entry)) return []
    const actions = value.actions.flatMap((text, index) => {
      const line = readScopeMapLine(text.toLowerCase())
      if (line.ok) return this.#line(line.value, entry.at('actions', index))
      this.#report.warning(entry.at('actions', index), { ...line.error, hint: 'it grants nothing' })
      return []
    })
    return [{ name, ...optional('description', value.description), actions, source: entry.source }]
  }

  #tokens(): readonly Token[] {
    const own = new Map(this.#declared.tokens.map((item) => [item.name, item]))
    const azure = this.#azureTokens
    const azureNames = new Set(azure.map(({ name }) => name))
    return [
      ...[...own.values()].flatMap((item) => this.#token(item, azureNames)),
      ...azure.flatMap((item) => this.#azureToken(item, own.get(item.name))),
    ]
  }

  #token({ name, entry, value }: Declarations['tokens'][number], azure: ReadonlySet<string>): readonly Token[] {
    if (value === undefined) return []
    const { scopeMap } = value
    if (scopeMap === undefined) {
      if (!azure.has(name)) {
        this.#report.error(
          entry.source,
          complaint('missing_key', 'scopeMap is missing', 'add scopeMap: what the token may do'),
        )
      } else if (value.status !== undefined) {
        const what = 'the status of this token comes from the Azure list'
        this.#report.error(
          entry.keyAt('status'),
          complaint('ambiguous', what, 'remove status, or take the token out of the list'),
        )
      }
      return []
    }
    this.#names.require('scope map', scopeMap, entry.at('scopeMap'))
    return [
      { name, scopeMap, status: value.status ?? 'enabled', credentials: credentialsOf(value), source: entry.source },
    ]
  }

  #azureToken(
    { name, entry, value }: Declarations['azure']['tokens'][number],
    own: Declarations['tokens'][number] | undefined,
  ): readonly Token[] {
    if (value === undefined) return []
    const passwords = own?.value?.scopeMap === undefined ? own?.value : undefined
    if (passwords === undefined && !this.#isFree('token', name, entry)) return []
    const wanted = value.scopeMapId.slice(value.scopeMapId.lastIndexOf('/') + 1)
    const scopeMap = this.#names.inAnyCase('scope map', wanted)
    this.#names.require('scope map', scopeMap, entry.at('scopeMapId'))
    const status = value.status?.toLowerCase() ?? 'enabled'
    if (status !== 'enabled' && status !== 'disabled') {
      this.#report.warning(
        entry.at('status'),
        complaint('not_allowed', `unknown status "${value.status}"`, 'the token counts as disabled'),
      )
    }
    const credentials = passwords === undefined ? [] : credentialsOf(passwords)
    if (credentials.length === 0) {
      const hint = `add \`tokens: { ${name}: { credentials: ... } }\` to a file of yours`
      this.#report.warning(
        entry.source,
        complaint(
          'token_without_password',
          `Azure does not export the passwords of ${name}: nobody can use it yet`,
          hint,
        ),
      )
    }
    return [
      { name, scopeMap, status: status === 'enabled' ? 'enabled' : 'disabled', credentials, source: entry.source },
    ]
  }

  #issuer({ name, entry, value }: Declarations['issuers'][number]): readonly Issuer[] {
    if (value === undefined) return []
    const { jwks, ...issuer } = value
    if (!this.#declared.claim('issuer with the URL', value.issuer, entry.at('issuer'), ISSUER_HINT)) return []
    if (jwks !== undefined) {
      if (value.jwksUri !== undefined) {
        this.#report.error(
          entry.keyAt('jwks'),
          complaint('ambiguous', 'jwks and jwksUri are both given', 'keep one of them'),
        )
      }
      checkKeys(jwks.keys, entry.child('jwks').child('keys'), this.#report)
    }
    return [{ ...issuer, name, ...optional('jwks', jwks), source: entry.source }]
  }

  #identity({ name, entry, value }: Declarations['identities'][number]): readonly Identity[] {
    if (value === undefined) return []
    const claims = value.claims ?? {}
    this.#names.require('issuer', value.issuer, entry.at('issuer'))
    if (value.subject === undefined && Object.keys(claims).length === 0) {
      const hint = 'add subject, or claims with at least one pattern'
      this.#report.error(
        entry.source,
        complaint('identity_unbounded', 'this identity would be everyone of the issuer', hint),
      )
    }
    if (value.subject?.includes('*')) {
      const hint = 'patterns go into claims, e.g. claims: { sub: ... }'
      this.#report.warning(
        entry.at('subject'),
        complaint('subject_wildcard', 'subject is compared exactly, * is no wildcard here', hint),
      )
    }
    return [{ name, issuer: value.issuer, ...optional('subject', value.subject), claims, source: entry.source }]
  }

  #roleAssignment(
    { name, entry, value }: Declarations['roleAssignments'][number],
    roles: readonly RoleDefinition[],
  ): readonly RoleAssignment[] {
    if (value === undefined) return []
    const principal = this.#principal(value.principal, entry.at('principal'))
    const role = this.#role(value.role, roles)
    if (role === undefined && !this.#isDeclaredRole(value.role)) {
      this.#names.reportUnknown('role', value.role, entry.at('role'))
    }
    if (this.#settings.mode === 'rbac') {
      for (const key of ['condition', 'repositories'] as const) {
        if (value[key] === undefined) continue
        const hint = `remove ${key}, or set registry.mode to abac; in a registry in rbac mode every role is for all repositories`
        this.#report.error(entry.keyAt(key), complaint('mode_rbac', `${key} has no effect in rbac mode`, hint))
      }
    }
    const condition = this.#condition(value.condition, entry)
    const assignment = {
      name: name === '' ? this.#position(entry.source) : name,
      principal,
      ...optional('condition', condition),
      ...optional('repositories', value.repositories),
      ...this.#window(value, entry),
      source: entry.source,
    }
    return role === undefined ? [] : [{ ...assignment, role }]
  }

  #denyAssignment({ name, entry, value }: Declarations['denyAssignments'][number]): readonly DenyAssignment[] {
    if (value === undefined) return []
    const principals = value.principals.map((item, index) => this.#principal(item, entry.at('principals', index)))
    const except = value.except.map((item, index) => this.#principal(item, entry.at('except', index)))
    return [
      {
        name: name === '' ? this.#position(entry.source) : name,
        principals,
        except,
        permissions: [...new Set(value.permissions.flatMap(({ permissions }) => permissions))],
        actions: [...new Set(value.permissions.flatMap(({ actions }) => actions))],
        ...optional('repositories', value.repositories),
        ...optional('condition', this.#condition(value.condition, entry)),
        ...optional('message', value.message),
        ...this.#window(value, entry),
        source: entry.source,
      },
    ]
  }

  #azureRoleAssignments(roles: readonly RoleDefinition[]): readonly RoleAssignment[] {
    const list = this.#declared.azure.roleAssignments
    const [first] = list
    if (first === undefined) return []
    const issuer = this.#entraIssuer(first.entry)
    return issuer === undefined ? [] : list.flatMap((item) => this.#azureRoleAssignment(item, issuer, roles))
  }

  /** The issuer of Azure's principals: the only one with `subjectClaim: oid`, else the one that the registry names. */
  #entraIssuer(first: Entry): string | undefined {
    const named = this.#declared.registry[0]?.value?.entraIssuer
    const issuers = this.#declared.issuers.filter(({ value }) => value?.subjectClaim === 'oid')
    const name = issuers.length === 1 ? issuers[0]?.name : named
    if (name === undefined && this.#declared.issuers.every(({ value }) => value !== undefined)) {
      const what =
        issuers.length === 0
          ? 'no issuer is said to vouch for the principals of Azure'
          : 'several issuers may vouch for the principals of Azure'
      const hint =
        issuers.length === 0 ? 'define an issuer with subjectClaim: oid' : 'name one of them in registry.entraIssuer'
      this.#report.error(first.source, complaint('entra_issuer_missing', what, hint))
    }
    return name
  }

  #azureRoleAssignment(
    { name, entry, value }: Declarations['azure']['roleAssignments'][number],
    issuer: string,
    roles: readonly RoleDefinition[],
  ): readonly RoleAssignment[] {
    if (value === undefined) return []
    const skip = (key: string, code: string, message: string) => {
      this.#report.warning(entry.at(key), complaint(code, message, 'this assignment grants nothing'))
      return []
    }
    const scope = parseScope(value.scope)
    if (scope === undefined || !this.#isOurs(scope)) {
      return skip('scope', 'azure_scope', `the scope "${value.scope}" is not that of this registry`)
    }
    const kind = AZURE_PRINCIPALS[value.principalType?.toLowerCase() ?? '']
    if (kind === undefined) {
      return skip('principalType', 'azure_principal', `unknown type of principal "${value.principalType ?? ''}"`)
    }
    const wanted = value.roleDefinitionId ?? value.roleDefinitionName ?? ''
    const role = this.#role(wanted, roles)
    if (role === undefined) {
      const shown = value.roleDefinitionName ?? wanted
      return skip(
        'roleDefinitionId',
        'azure_role',
        `the role "${shown}" is not known; export it with az role definition list`,
      )
    }
    let condition: Condition | undefined
    if (value.condition !== undefined && value.condition !== '') {
      condition = readCondition(value.condition, 'azure', entry, ['condition'], this.#report)
      if (condition === undefined) return []
      if (this.#settings.mode === 'rbac') {
        const hint = 'the assignment holds for all repositories, as in Azure'
        this.#report.warning(
          entry.keyAt('condition'),
          complaint('mode_rbac', 'the condition has no effect in rbac mode', hint),
        )
        condition = undefined
      }
    }
    const principal = principalKey({ kind, issuer, id: value.principalId.toLowerCase() })
    const ownName = name === '' ? this.#position(entry.source) : name
    return [{ name: ownName, principal, role, ...optional('condition', condition), source: entry.source }]
  }

  #condition(text: string | undefined, entry: Entry): Condition | undefined {
    return text === undefined ? undefined : readCondition(text, 'strict', entry, ['condition'], this.#report)
  }

  #window({ notBefore, notAfter }: Window, entry: Entry): Window {
    if (notBefore !== undefined && notAfter !== undefined && notBefore >= notAfter) {
      const hint = 'notAfter must be later than notBefore'
      this.#report.error(entry.at('notAfter'), complaint('window_empty', 'the rule ends before it begins', hint))
    }
    return { ...optional('notBefore', notBefore), ...optional('notAfter', notAfter) }
  }

  #principal(principal: Principal, source: Source): PrincipalKey {
    if (principal.kind === 'token' || principal.kind === 'identity')
      this.#names.require(principal.kind, principal.name, source)
    if (principal.kind === 'subject' || principal.kind === 'group')
      this.#names.require('issuer', principal.issuer, source)
    return principalKey(principal)
  }

  #role(text: string, roles: readonly RoleDefinition[]): RoleDefinition | undefined {
    if (!this.#roles.has(text)) this.#roles.set(text, findRole(text, roles))
    return this.#roles.get(text)
  }

  /** A role that is declared, but wrong: reported already. */
  #isDeclaredRole(text: string): boolean {
    const wanted = (roleGuid(text) ?? text).toLowerCase()
    return this.#declared.roles.some(({ name, value }) => value === undefined && name.toLowerCase() === wanted)
  }

  #isFree(kind: string, name: string, entry: Entry): boolean {
    const valid = readName(name)
    if (!valid.ok) this.#report.error(entry.at('name'), valid.error)
    return this.#declared.claim(kind, name, entry.at('name'))
  }

  /** A name for a rule without one: where it stands. */
  #position({ file, line, column }: Source): string {
    const short = `${file}:${line}`
    const name = this.#positions.has(short) ? `${short}:${column}` : short
    this.#positions.add(name)
    return name
  }

  /** Which scopes of Azure's lists hold for this registry. */
  #registry(): (scope: Scope) => boolean {
    const { azure, registry } = this.#declared
    const scopes = [
      ...azure.roleAssignments.map(({ value }) => parseScope(value?.scope ?? '')),
      ...[...azure.scopeMaps, ...azure.tokens].map(({ value }) => registryOf(value?.id)),
    ].filter((scope) => scope !== undefined)
    const settings = registry[0]?.value
    return registryScope(scopes, [settings?.azureRegistry, settings?.service.split('.')[0]])
  }

  /** The items of a list that live in this registry. */
  #ours<T extends Declared<{ readonly id?: string }>>(items: readonly T[]): readonly T[] {
    return items.filter((item) => {
      const scope = registryOf(item.value?.id)
      if (scope === undefined || this.#isOurs(scope)) return true
      const what = `${item.name} belongs to the registry "${scope.registry}", not to this one`
      this.#report.warning(item.entry.at('id'), complaint('azure_scope', what, 'it grants nothing'))
      return false
    })
  }
}
