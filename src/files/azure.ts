/**
 * The lists that Azure's tools print, as they lie in a policy folder: role assignments, role definitions, scope maps and
 * tokens, recognised by their shape. Decides which of them speak of this registry; never grants for another one.
 *
 * Source: Azure "role-assignments-list-cli", "role-definitions-list", and the REST bodies of scope maps and tokens.
 */
import * as z from 'zod'
import { isMapping } from './document.ts'
import { type Entry, spellingsOf } from './entry.ts'

const AssignmentShape = z.object({
  id: z.string().exactOptional(),
  name: z.string().min(1).exactOptional(),
  principalId: z.string().min(1),
  principalType: z.string().exactOptional(),
  roleDefinitionId: z.string().exactOptional(),
  roleDefinitionName: z.string().exactOptional(),
  scope: z.string().min(1),
  condition: z.string().exactOptional(),
  conditionVersion: z.unknown().exactOptional(),
})
const ScopeMapShape = z.object({
  id: z.string().exactOptional(),
  name: z.string(),
  description: z.string().exactOptional(),
  actions: z.array(z.string()),
  scopeMapType: z.string().exactOptional(),
  type: z.string().exactOptional(),
})
const TokenShape = z.object({
  id: z.string().exactOptional(),
  name: z.string(),
  scopeMapId: z.string().min(1),
  status: z.string().exactOptional(),
})

/** One item of a list, its keys in one spelling. */
export type AzureItem = { readonly kind: 'roleAssignment' | 'role' | 'scopeMap' | 'token'; readonly entry: Entry }

/** What is read of the entries of Azure's lists. */
export const AZURE_SHAPES = { roleAssignment: AssignmentShape, scopeMap: ScopeMapShape, token: TokenShape } as const

/** All keys that matter in an item, for what it is or for what it says. */
const KEYS = spellingsOf([
  ...Object.values(AZURE_SHAPES).flatMap(({ shape }) => Object.keys(shape)),
  ...['dataActions', 'permissions', 'roleName', 'isCustom', 'assignableScopes', 'roleType'],
])

/** What an item is, by its `type` or else by the keys that only it has; undefined if it is none of Azure's. */
export function recognise(item: Entry): AzureItem | undefined {
  if (!isMapping(item.value)) return undefined
  const entry = item.fold(KEYS, true)
  const seen = entry.value
  if (!isMapping(seen)) return undefined
  const types = [item.value.type, seen.type].map((type) => (typeof type === 'string' ? type.toLowerCase() : ''))
  const isType = (end: string) => types.some((type) => type.endsWith(end))
  const has = (key: string) => seen[key] !== undefined
  const id = typeof seen.id === 'string' ? seen.id.toLowerCase() : ''
  if (isType('/roleassignments') || (has('principalId') && (has('roleDefinitionId') || has('roleDefinitionName')))) {
    return { kind: 'roleAssignment', entry }
  }
  if (isType('/tokens') || has('scopeMapId')) return { kind: 'token', entry }
  if (isType('/scopemaps') || has('scopeMapType') || id.includes('/scopemaps/')) return { kind: 'scopeMap', entry }
  const isRole =
    isType('/roledefinitions') ||
    ((has('name') || has('roleName')) &&
      (has('permissions') || has('actions') || has('dataActions')) &&
      ['roleName', 'isCustom', 'assignableScopes', 'roleType', 'permissions'].some(has))
  return isRole ? { kind: 'role', entry: item } : undefined
}

/** A place in Azure's hierarchy; what is absent is not narrowed to. Names in lower case. */
export type Scope = {
  readonly subscription?: string
  readonly resourceGroup?: string
  readonly registry?: string
}

const SCOPE =
  /^(?:\/subscriptions\/([^/]+)(?:\/resourcegroups\/([^/]+)(?:\/providers\/microsoft\.containerregistry\/registries\/([^/]+))?)?)?\/?$/
const MANAGEMENT_GROUP = /^\/providers\/microsoft\.management\/managementgroups\/[^/]+\/?$/

/** The scope of an assignment; undefined if it is neither a registry nor anything above one. */
export function parseScope(text: string): Scope | undefined {
  const lower = text.toLowerCase()
  if (MANAGEMENT_GROUP.test(lower)) return {}
  const match = SCOPE.exec(lower)
  if (match === null || lower === '') return undefined
  const [, subscription, resourceGroup, registry] = match
  return {
    ...(subscription === undefined ? {} : { subscription }),
    ...(resourceGroup === undefined ? {} : { resourceGroup }),
    ...(registry === undefined ? {} : { registry }),
  }
}

/** The registry in which a scope map or token with this resource id lives. */
export function registryOf(id: string | undefined): Scope | undefined {
  const [registry] = /^.*\/microsoft\.containerregistry\/registries\/[^/]+/i.exec(id ?? '') ?? []
  return registry === undefined ? undefined : parseScope(registry)
}

/**
 * Which registry a set of lists is about. A scope holds for it if it is the registry or lies above it. The registry is
 * the one that is `named`; else the only one that the lists name. Where that leaves several, or the lists name only
 * places above a registry, a scope holds if it covers all that are possible: in doubt nothing is granted.
 */
export function registryScope(
  scopes: readonly Scope[],
  named: readonly (string | undefined)[],
): (scope: Scope) => boolean {
  const finest = (['registry', 'resourceGroup', 'subscription'] as const).find((level) =>
    scopes.some((scope) => scope[level] !== undefined),
  )
  const possible = finest === undefined ? [] : scopes.filter((scope) => scope[finest] !== undefined)
  const chosen = named
    .map((name) => possible.filter(({ registry }) => registry !== undefined && registry === name?.toLowerCase()))
    .find((matches) => matches.length > 0)
  const keyOf = ({ subscription, resourceGroup, registry }: Scope) => `${subscription}/${resourceGroup}/${registry}`
  const candidates = [...new Map((chosen ?? possible).map((scope) => [keyOf(scope), scope])).values()]
  return (scope) => candidates.every((candidate) => azureScopeCovers(scope, candidate))
}

const azureScopeCovers = (outer: Scope, inner: Scope): boolean =>
  (['subscription', 'resourceGroup', 'registry'] as const).every(
    (level) => outer[level] === undefined || outer[level] === inner[level],
  )
