/**
 * The lists of one Azure container registry as policy text of ours: role assignments, role definitions, scope maps and
 * tokens. They are read exactly as a policy folder reads them; conditions keep their text.
 *
 * Source: Azure "role-assignments-list-cli", "role-definitions-list", and the REST bodies of scope maps and tokens.
 */

import { parseScope } from '../files/azure.ts'
import { FileDocument, isMapping } from '../files/document.ts'
import { type PolicyText, readPolicies } from '../files/load.ts'
import { Report } from '../files/problem.ts'
import type { Mode, PolicySet, RoleDefinition, ScopeMapAction } from '../policy/model.ts'
import { formatRepositoryPattern } from '../policy/repository-pattern.ts'
import { BUILT_IN_ROLES } from '../policy/roles.ts'
import { Findings, type Imported } from './finding.ts'
import { unreadable } from './input.ts'
import { policyText } from './policy-text.ts'

export type AzureOptions = {
  readonly mode: Mode
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

/** Warnings that change no decision of a registry whose lists are whole. */
const HARMLESS = new Set(['token_without_password', 'condition_doubtful', 'mode_rbac', 'duplicate_grant'])

/** @throws ImportError when the lists cannot be read */
export function importAzure(files: readonly PolicyText[], options: AzureOptions): Imported {
  const settings = settingsOf(options)
  const { policies, problems } = readPolicies([...files, { path: `${SETTINGS}.json`, text: JSON.stringify(settings) }])
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
  reportInherited(files, policies, findings)
  const start = policies.roleAssignments[0]?.source
  if (start !== undefined && options.tenant === undefined) {
    const hint = 'import again with --tenant ID (az account show --query tenantId)'
    findings.note(start, 'nobody can sign in yet: the tenant of these principals is not known', hint)
  }
  return { text: textOf(files, policies, options), findings: findings.all }
}

const issuerOf = ({ tenant = NO_TENANT }: AzureOptions, service: string) => ({
  [ISSUER]: {
    issuer: `https://login.microsoftonline.com/${tenant}/v2.0`,
    audiences: [service],
    subjectClaim: 'oid',
  },
})

const settingsOf = (options: AzureOptions) => ({
  registry: {
    mode: options.mode,
    ...(options.service === undefined ? {} : { service: options.service }),
    ...(options.registry === undefined ? {} : { azureRegistry: options.registry }),
  },
  issuers: issuerOf(options, options.service ?? 'registry.example.com'),
})

/** A list for a registry without anything from above was probably made without `--include-inherited`. */
function reportInherited(files: readonly PolicyText[], { roleAssignments }: PolicySet, findings: Findings): void {
  const scopes = files.flatMap(({ path, text }) => {
    const { value } = FileDocument.read(path, text, new Report())
    const items = Array.isArray(value) ? value : isMapping(value) && Array.isArray(value.value) ? value.value : [value]
    return items.flatMap((item: unknown) => {
      const body = isMapping(item) && isMapping(item.properties) ? { ...item, ...item.properties } : item
      return isMapping(body) && typeof body.scope === 'string' ? [parseScope(body.scope)] : []
    })
  })
  const [first] = roleAssignments
  if (first === undefined || scopes.some((scope) => scope !== undefined && scope.registry === undefined)) return
  findings.note(
    { ...first.source, line: 1, column: 1 },
    'no assignment is inherited from a resource group or above: the list may lack them',
    'make it with `az role assignment list --scope REGISTRY_ID --include-inherited`',
  )
}

function textOf(files: readonly PolicyText[], policies: PolicySet, options: AzureOptions): string {
  const { registry, scopeMaps, tokens, roleAssignments } = policies
  const name = options.registry ?? registryName(files)
  const service = options.service ?? (name === undefined ? registry.service : `${name}.azurecr.io`)
  const needsIssuer = roleAssignments.length > 0
  return policyText(['Imported from the lists of an Azure container registry.'], {
    registry: { service, mode: registry.mode },
    issuers: needsIssuer ? issuerOf(options, service) : {},
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

/** The registry that the lists name, if it is only one. */
function registryName(files: readonly PolicyText[]): string | undefined {
  const names = files.flatMap(({ text }) =>
    [...text.matchAll(/\/registries\/([a-z0-9]+)/gi)].map(([, name = '']) => name),
  )
  const [name, ...others] = new Set(names.map((known) => known.toLowerCase()))
  return others.length === 0 ? name : undefined
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
