/**
 * What Azure itself would answer for the lists of the fixtures, read as JSON: any assignment of the registry or above it
 * whose role holds the action and whose condition is true. Shares no code with the importer or the policy rooms. Of the
 * condition language it knows what the documents' template needs: blocks of `!(ActionMatches{…}) … OR (comparison)`.
 *
 * Source: Azure "overview" (how access is determined), "conditions-format", "container-registry-token-based-repository-
 * permissions", "container-registry-rbac-abac-repository-permissions".
 */
export type Assignment = { principalId: string; roleDefinitionId: string; scope: string; condition: string | null }
export type Definition = { id: string; permissions: Record<'actions' | 'dataActions' | 'notDataActions', string[]>[] }
export type Lists = {
  assignments: Assignment[]
  definitions: Definition[]
  scopeMaps: { id: string; actions: string[] }[]
  tokens: { name: string; scopeMapId: string; status: string }[]
}

const REPOSITORIES = 'Microsoft.ContainerRegistry/registries/repositories/'
/** The legacy action of a data action; other permissions have none here. */
const LEGACY: Record<string, string> = {
  'content/read': 'pull/read',
  'metadata/read': 'pull/read',
  'content/write': 'push/write',
  'content/delete': 'artifacts/delete',
  'metadata/delete': 'artifacts/delete',
}

export function principalMay(
  lists: Lists,
  registryId: string,
  mode: 'abac' | 'rbac',
  ids: readonly string[],
  permission: string,
  repository: string,
): boolean {
  return lists.assignments.some(({ principalId, roleDefinitionId, scope, condition }) => {
    if (!ids.includes(principalId) || !`${registryId}/`.startsWith(`${scope}/`)) return false
    const role = lists.definitions.find(({ id }) => id === roleDefinitionId)
    const isGiven = role?.permissions.some(({ actions, dataActions, notDataActions }) =>
      mode === 'abac'
        ? dataActions.includes(REPOSITORIES + permission) && !notDataActions.includes(REPOSITORIES + permission)
        : actions.includes(`Microsoft.ContainerRegistry/registries/${LEGACY[permission]}`),
    )
    return isGiven === true && (mode === 'rbac' || condition === null || holds(condition, permission, repository))
  })
}

function holds(condition: string, permission: string, repository: string): boolean {
  const targets = [...condition.matchAll(/ActionMatches\{'([^']+)'\}/g)].map(([, action]) => action)
  if (!targets.includes(REPOSITORIES + permission)) return true
  const [, operator, value = ''] = /:name\] (\w+) '([^']*)'/.exec(condition) ?? []
  if (operator === 'StringEqualsIgnoreCase') return repository.toLowerCase() === value.toLowerCase()
  if (operator === 'StringStartsWithIgnoreCase') return repository.toLowerCase().startsWith(value.toLowerCase())
  throw new Error(`the fixtures use no ${operator}`)
}

export function tokenMay({ tokens, scopeMaps }: Lists, name: string, permission: string, repository: string): boolean {
  const token = tokens.find((item) => item.name === name)
  const map = scopeMaps.find(({ id }) => id === token?.scopeMapId)
  if (token?.status !== 'enabled' || map === undefined) return false
  return map.actions.some((action) => {
    const pattern = action.slice('repositories/'.length, -permission.length - 1)
    if (action !== `repositories/${pattern}/${permission}`) return false
    return (
      pattern === '*' ||
      pattern === repository ||
      (pattern.endsWith('/*') && repository.startsWith(pattern.slice(0, -1)))
    )
  })
}
