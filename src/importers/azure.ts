/**
 * The lists of one Azure container registry as policy text of ours: role assignments, role definitions, scope maps and
 * tokens, with what `az acr show` says of the registry. The lists are read exactly as a policy folder reads them;
 * conditions keep their text.
 *
 * Source: Azure "role-assignments-list-cli", "role-definitions-list", and the REST bodies of scope maps and tokens.
 */

import { parseScope, registryOf } from '../files/azure.ts'
import { FileDocument, isMapping, type Mapping } from '../files/document.ts'
import { type PolicyText, readPolicies } from '../files/load.ts'
import { formatSource, Report } from '../files/problem.ts'
import { permissionsOfRole } from '../policy/analysis/least-role.ts'
import { BUILT_IN_ROLES } from '../policy/azure/roles.ts'
import type { Mode, PolicySet, RoleDefinition, ScopeMapAction } from '../policy/model.ts'
import { formatRepositoryPattern } from '../policy/repository-pattern.ts'
import { readShownRegistries, type ShownRegistry } from './azure-registry.ts'
import { Findings, type Imported } from './finding.ts'
import { ImportError, unreadable } from './input.ts'
import { policyText } from './policy-text.ts'

/** Options of an import from Azure. */
export type AzureOptions = {
  /** The role assignment permissions mode; default: what `az acr show` says. */
  readonly mode?: Mode
  /** Id of the Entra tenant whose principals the lists name. */
  readonly tenant?: string
  /** Token audience of the gate; default: the registry of the lists. */
  readonly service?: string
  /** The registry that is meant, if the lists name several. */
  readonly registry?: string
}

/** No tenant has it: an issuer with this id lets nobody in. */
const NO_TENANT = '00000000-0000-0000-0000-000000000000'
const ISSUER = 'entra'
const SETTINGS = 'settings of the import'
/** What anonymous pull opens, in every repository. */
const ANONYMOUS_PULL = ['repositories/*/content/read', 'repositories/*/metadata/read']

/** Warnings that change no decision of a registry whose lists are whole. */
const HARMLESS = new Set([
  'azure_role_elsewhere',
  'condition_doubtful',
  'duplicate_grant',
  'mode_rbac',
  'token_without_password',
])

/** The options with what `az acr show` says. */
type Settings = AzureOptions & { readonly mode: Mode; readonly service: string; readonly isModeKnown: boolean }

/** @throws {@link ImportError} when the lists cannot be read, or do not say which registry they are about */
export function importAzure(files: readonly PolicyText[], options: AzureOptions): Imported {
  const shown = files.flatMap((file) => readShownRegistries(file) ?? [])
  const lists = files.filter((file) => readShownRegistries(file) === undefined)
  refuseEmpty(lists)
  const items = lists.flatMap(itemsOf)
  const registry = shownRegistry(shown, items, options)
  const settings = settingsOf(registry, items, options)
  if (settings instanceof ImportError) {
    // What is wrong with the lists themselves comes first.
    const { policies, problems } = readLists(lists, {
      ...options,
      mode: 'abac',
      service: 'registry.example.com',
      isModeKnown: true,
    })
    throw policies === undefined ? unreadable(problems) : settings
  }
  const { policies, problems } = readLists(lists, settings)
  if (policies === undefined) throw unreadable(problems)
  const findings = new Findings()
  for (const { source, message, hint, code } of problems) {
    if (source.file.startsWith(SETTINGS) || code === 'token_without_password') continue
    if (HARMLESS.has(code)) findings.note(source, message, hint)
    else findings.lost(source, message, hint)
  }
  for (const { name, source } of policies.tokens) {
    const what = `${name} needs a new password: Azure exports none`
    findings.note(source, what, `dockgate token rotate ${name}`)
  }
  reportModes(policies, settings, findings)
  reportInherited(items, policies, findings)
  if (registry !== undefined) reportRegistry(registry, findings)
  const start = policies.roleAssignments[0]?.source
  if (start !== undefined && options.tenant === undefined) {
    const hint = 'import again with --tenant ID (az account show --query tenantId)'
    findings.note(start, 'nobody can sign in yet: the tenant of these principals is not known', hint)
  }
  return { text: textOf(policies, settings, registry?.hasAnonymousPull === true), findings: findings.all }
}

const readLists = (lists: readonly PolicyText[], settings: Settings) =>
  readPolicies([...lists, { path: `${SETTINGS}.json`, text: JSON.stringify(policySettings(settings)) }])

/** An item of a list, with the keys that a REST body has in `properties`. */
type Item = Mapping

function itemsOf({ path, text }: PolicyText): readonly Item[] {
  const { value } = FileDocument.read(path, text, new Report())
  const items = Array.isArray(value) ? value : isMapping(value) && Array.isArray(value.value) ? value.value : [value]
  return items.flatMap((item: unknown) =>
    isMapping(item) ? [isMapping(item.properties) ? { ...item, ...item.properties } : item] : [],
  )
}

/** Holds nothing but comments. */
const isBlank = (text: string): boolean => text.split('\n').every((line) => /^\s*(?:#|$)/.test(line))

/** A command that fails leaves an empty file, and a registry without any rules needs no import. */
function refuseEmpty(lists: readonly PolicyText[]): void {
  for (const { path, text } of lists) {
    const report = new Report()
    const { value } = FileDocument.read(path, text, report)
    if (isBlank(text) || (report.errors === 0 && (value === undefined || value === null))) {
      throw new ImportError(`${path} is empty`, 'the command that should have filled it failed: export it again')
    }
  }
  if (lists.flatMap(itemsOf).length === 0 && lists.every((list) => isEmptyList(list))) {
    const names = lists.map(({ path }) => path).join(', ')
    throw new ImportError(
      names === '' ? 'nothing to import was found' : `the lists are empty: ${names}`,
      'export role assignments, scope maps and tokens of the registry',
    )
  }
}

function isEmptyList({ path, text }: PolicyText): boolean {
  const { value } = FileDocument.read(path, text, new Report())
  return (Array.isArray(value) && value.length === 0) || (isMapping(value) && Array.isArray(value.value))
}

/** The registries that items are of, or assigned on; a condition that names a resource type names no registry. */
function registryNames(items: readonly Item[]): readonly string[] {
  const names = items.flatMap(({ id, scope, scopeMapId }) =>
    [typeof scope === 'string' ? scope : id, scopeMapId].flatMap((path) =>
      typeof path === 'string' ? (registryOf(path)?.registry ?? []) : [],
    ),
  )
  return [...new Set(names)]
}

function shownRegistry(
  shown: readonly ShownRegistry[],
  items: readonly Item[],
  { registry }: AzureOptions,
): ShownRegistry | undefined {
  if (shown.length === 0) return undefined
  const wanted = registry === undefined ? registryNames(items) : [registry.toLowerCase()]
  const fitting = shown.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
  const [only] = fitting
  if (only !== undefined && fitting.length === 1) return only
  const names = shown.map(({ name }) => name).join(', ')
  throw new ImportError(
    fitting.length === 0 ? `the lists are not of the registry that is shown: ${names}` : `several registries: ${names}`,
    'name the registry with --registry, and give what az acr show prints of it',
  )
}

function settingsOf(
  shown: ShownRegistry | undefined,
  items: readonly Item[],
  options: AzureOptions,
): Settings | ImportError {
  if (shown?.mode !== undefined && options.mode !== undefined && shown.mode !== options.mode) {
    return new ImportError(
      `the registry ${shown.name} is in ${shown.mode} mode, not in ${options.mode} mode`,
      'leave out --mode',
    )
  }
  const mode = options.mode ?? shown?.mode
  const names = registryNames(items)
  const [name = undefined, ...others] =
    options.registry === undefined ? (shown === undefined ? names : [shown.name]) : [options.registry.toLowerCase()]
  const service = options.service ?? shown?.loginServer ?? (name === undefined ? undefined : `${name}.azurecr.io`)
  if (others.length > 0) {
    return new ImportError(`the lists name several registries: ${names.join(', ')}`, 'choose one with --registry')
  }
  if (service === undefined) {
    return new ImportError(
      'the lists do not say which registry they are about',
      'give what az acr show prints too, or the host name of the gate with --service',
    )
  }
  return {
    ...options,
    service,
    ...(name === undefined ? {} : { registry: name }),
    mode: mode ?? 'abac',
    isModeKnown: mode !== undefined,
  }
}

/** Says what a role gives in which mode. Never guesses the mode where that would change a decision. */
function reportModes({ roleAssignments }: PolicySet, { mode, isModeKnown }: Settings, findings: Findings): void {
  const other = mode === 'abac' ? 'rbac' : 'abac'
  for (const { role, source } of roleAssignments) {
    const [here, there] = [permissionsOfRole(role, mode), permissionsOfRole(role, other)]
    if (!isModeKnown && here.join() !== there.join()) {
      const abac = permissionsOfRole(role, 'abac').join(', ') || 'nothing'
      const rbac = permissionsOfRole(role, 'rbac').join(', ') || 'nothing'
      throw new ImportError(
        `${formatSource(source)}: the mode of the registry is not known, and the role ${role.name} gives ${rbac} in rbac mode, ${abac} in abac mode`,
        'give what az acr show prints too, or --mode (az acr show --query roleAssignmentMode: LegacyRegistryPermissions is rbac)',
      )
    }
    if (here.length > 0) continue
    const what =
      there.length === 0
        ? `the role ${role.name} gives no right to the content of a registry`
        : `the role ${role.name} gives nothing in ${mode} mode, in Azure too: ${there.join(', ')} in ${other} mode`
    findings.note(source, what)
  }
}

function reportRegistry({ hasAdminUser, hasAnonymousPull, barriers, source }: ShownRegistry, findings: Findings): void {
  if (hasAdminUser) {
    const hint = 'make a token for each program that uses it (dockgate token create), and disable the admin user'
    findings.lost(source, 'the admin user may pull and push everything there, and is not imported', hint)
  }
  if (hasAnonymousPull) {
    findings.note(source, 'anonymous callers may pull everything, as in Azure', 'remove registry.anonymous to end it')
  }
  for (const barrier of barriers) {
    const hint = 'close the gate in the same way, or keep the registry behind it closed'
    findings.wider(source, `${barrier}: that is not imported, and the gate answers all the same`, hint)
  }
}

const issuerOf = ({ tenant = NO_TENANT, service }: Settings) => ({
  [ISSUER]: {
    issuer: `https://login.microsoftonline.com/${tenant}/v2.0`,
    audiences: [service],
    subjectClaim: 'oid',
  },
})

const policySettings = (settings: Settings) => ({
  registry: {
    mode: settings.mode,
    service: settings.service,
    ...(settings.registry === undefined ? {} : { azureRegistry: settings.registry }),
  },
  issuers: issuerOf(settings),
})

/** A list for a registry without anything from above was probably made without `--include-inherited`. */
function reportInherited(items: readonly Item[], { roleAssignments }: PolicySet, findings: Findings): void {
  const scopes = items.flatMap(({ scope }) => (typeof scope === 'string' ? [parseScope(scope)] : []))
  const [first] = roleAssignments
  if (first === undefined || scopes.some((scope) => scope !== undefined && scope.registry === undefined)) return
  findings.note(
    { ...first.source, line: 1, column: 1 },
    'no assignment is inherited from a resource group or above: the list may lack them',
    'make it with `az role assignment list --scope REGISTRY_ID --include-inherited`',
  )
}

function textOf(policies: PolicySet, settings: Settings, hasAnonymousPull: boolean): string {
  const { registry, scopeMaps, tokens, roleAssignments } = policies
  const needsIssuer = roleAssignments.length > 0
  return policyText(['Imported from the lists of an Azure container registry.'], {
    registry: {
      service: settings.service,
      mode: registry.mode,
      ...(hasAnonymousPull ? { anonymous: ANONYMOUS_PULL } : {}),
    },
    issuers: needsIssuer ? issuerOf(settings) : {},
    scopeMaps: Object.fromEntries(
      scopeMaps.map(({ name, description, actions }) => [
        name,
        { ...(description === undefined ? {} : { description }), actions: actions.map(formatLine) },
      ]),
    ),
    tokens: Object.fromEntries(tokens.map(({ name, scopeMap, status }) => [name, { scopeMap, status }])),
    roles: policies.roles.filter((role) => !isKnown(role)).map(roleText),
    roleAssignments: roleAssignments.map(({ name, principal, role, condition, source }) => ({
      name,
      principal,
      role: isKnown(role) ? role.name : (role.id ?? role.name),
      ...(condition === undefined ? {} : { condition: condition.text }),
      comment: `${role.name}; ${source.file}:${source.line}`,
    })),
  })
}

/** A role that needs no definition in the file. */
const isKnown = ({ builtIn, id }: RoleDefinition): boolean => builtIn && BUILT_IN_ROLES.some((known) => known.id === id)

const formatLine = ({ repository, permission }: ScopeMapAction): string =>
  `repositories/${formatRepositoryPattern(repository)}/${permission}`

const roleText = ({ name, id, permissions }: RoleDefinition): object => ({
  Name: name,
  ...(id === undefined ? {} : { Id: id }),
  permissions: permissions.map(({ condition, ...lists }) => ({
    ...lists,
    ...(condition === undefined ? {} : { condition: condition.text }),
  })),
})
