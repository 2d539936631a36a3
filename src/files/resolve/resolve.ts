/**
 * Declarations become a policy set: every name is followed, and what cannot be followed is reported with the nearest name
 * there is. Never reads files.
 */

import { BUILT_IN_ROLES } from '../../policy/azure/roles.ts'
import { SYSTEM_SCOPE_MAPS } from '../../policy/azure/scope-maps.ts'
import type { PolicySet, Token } from '../../policy/model.ts'
import type { Declarations } from '../collect.ts'
import { Names } from '../names.ts'
import type { Report } from '../problem.ts'
import { resolveDenyAssignment, resolveRoleAssignment } from './assignments.ts'
import { resolveAzureRoleAssignments } from './azure-assignments.ts'
import { type AzureRegistry, azureRegistryOf } from './azure-registry.ts'
import { resolveAzureScopeMap, resolveAzureToken } from './azure-tokens.ts'
import type { Context } from './context.ts'
import { resolveIdentity, resolveIssuer } from './federation.ts'
import { resolveProtection } from './protections.ts'
import { resolveRegistry } from './registry.ts'
import { Roles } from './roles.ts'
import { ruleNames } from './rule-names.ts'
import { resolveScopeMap } from './scope-maps.ts'
import { resolveToken } from './tokens.ts'

/** The policy set; to be used only if no error was reported. */
export function resolve(declared: Declarations, report: Report): PolicySet {
  const azure = azureRegistryOf(declared, report)
  const names = namesOf(declared, azure, report)
  const registry = resolveRegistry(declared, names, report)
  const roles = new Roles(declared.roles)
  const context = { declared, names, roles, mode: registry.mode, ruleName: ruleNames(), report }
  return {
    registry,
    scopeMaps: [
      ...declared.scopeMaps.flatMap((item) => resolveScopeMap(item, context)),
      ...azure.scopeMaps.flatMap((item) => resolveAzureScopeMap(item, context)),
    ],
    issuers: declared.issuers.flatMap((item) => resolveIssuer(item, context)),
    identities: declared.identities.flatMap((item) => resolveIdentity(item, context)),
    tokens: tokensOf(azure, context),
    roles: roles.definitions,
    roleAssignments: [
      ...declared.roleAssignments.flatMap((item) => resolveRoleAssignment(item, context)),
      ...resolveAzureRoleAssignments(azure, context),
    ],
    denyAssignments: declared.denyAssignments.flatMap((item) => resolveDenyAssignment(item, context)),
    protections: declared.protections.flatMap((item) => resolveProtection(item, context)),
  }
}

function namesOf(declared: Declarations, azure: AzureRegistry, report: Report): Names {
  const names = (...lists: readonly (readonly { name: string }[])[]) => new Set(lists.flat().map(({ name }) => name))
  const defined = {
    'scope map': names(declared.scopeMaps, azure.scopeMaps, SYSTEM_SCOPE_MAPS),
    token: names(declared.tokens, azure.tokens),
    issuer: names(declared.issuers),
    identity: names(declared.identities),
    role: names(declared.roles, BUILT_IN_ROLES),
  }
  return new Names(defined, report)
}

function tokensOf(azure: AzureRegistry, context: Context): readonly Token[] {
  const own = new Map(context.declared.tokens.map((item) => [item.name, item]))
  const azureNames = new Set(azure.tokens.map(({ name }) => name))
  return [
    ...[...own.values()].flatMap((item) => resolveToken(item, azureNames, context)),
    ...azure.tokens.flatMap((item) => resolveAzureToken(item, own.get(item.name), context)),
  ]
}
