/**
 * Token scopes: what a client asks for, what a minted token may be used for, and which scope a request needs. A scope only
 * limits a token. It never grants a permission.
 *
 * Sources: distribution `docs/content/spec/auth/scope.md` and `token.md`; Azure/acr `docs/AAD-OAuth.md` and the Azure CLI
 * for the actions with an underscore.
 */
import { parseRepositoryName, type RepositoryName } from './name.ts'
import { type Action, type Permission, takesRepository } from './permission.ts'
import type { RegistryRequest } from './request.ts'
import { DELETED_READ, DELETED_RESTORE, requirements } from './required-permissions.ts'

/** One element of the `access` claim. Actions are unique and sorted. */
export type Access = {
  readonly type: 'repository' | 'registry'
  readonly name: string
  readonly actions: readonly string[]
}

/** The most resource scopes that one token request may name. */
export const SCOPES_MAX = 100
/** The longest `scope` parameter, in characters. */
export const SCOPE_MAX_LENGTH = 8192

/** The scope action of each permission, in a token. */
export const SCOPE_ACTIONS: Readonly<Record<Permission, string>> = {
  'content/read': 'pull',
  'content/write': 'push',
  'content/delete': 'delete',
  'metadata/read': 'metadata_read',
  'metadata/write': 'metadata_write',
  'metadata/delete': 'delete',
  'quarantine/read': 'pull',
  'quarantine/write': 'push',
  'sign/write': 'push',
  'catalog/read': '*',
}

/** The scope actions that a client can ask for on a repository, each with the permissions that allow it. One is enough. */
export const REPOSITORY_SCOPE_ACTIONS: ReadonlyMap<string, readonly Action[]> = new Map<string, readonly Action[]>([
  // Under a quarantine `quarantine/read` reads and lists, and `quarantine/write` decides with a token of `push`, as
  // Azure has it. `sign/write` pushes signatures.
  ['pull', ['content/read', 'quarantine/read']],
  ['push', ['content/write', 'quarantine/write', 'sign/write']],
  // Either permission is sufficient to untag, so either is sufficient for a token with `delete`.
  ['delete', ['content/delete', 'metadata/delete']],
  ['metadata_read', ['metadata/read', 'quarantine/read']],
  ['metadata_write', ['metadata/write']],
  ['deleted_read', [DELETED_READ]],
  ['deleted_restore', [DELETED_RESTORE]],
])

const TYPE = /^([a-z0-9-]+)(?:\([a-z0-9]+\))?$/
const ACTIONS = /^(?:[a-z_]+|\*)(?:,(?:[a-z_]+|\*))*$/

/**
 * Parses the scopes of a token request. Each text may have several scopes, separated by spaces. The type ends at the first
 * colon and the actions begin after the last one, because a name may contain a colon (`host:port/name`). The deprecated
 * class in `repository(plugin)` is ignored. Unknown and malformed scopes are dropped, and those after the first
 * {@link SCOPES_MAX}. Duplicates are merged. `*` means every action of a repository.
 */
export function parseScopes(texts: readonly string[]): readonly Access[] {
  const merged = new Map<string, { type: 'repository' | 'registry'; name: string; actions: Set<string> }>()
  for (const text of texts.flatMap((value) => value.split(' '))) {
    const access = parseScope(text)
    if (access === undefined) continue
    const key = `${access.type}:${access.name}`
    const known = merged.get(key)
    if (known === undefined) {
      if (merged.size < SCOPES_MAX) merged.set(key, { ...access, actions: new Set(access.actions) })
    } else for (const action of access.actions) known.actions.add(action)
  }
  return [...merged.values()].map((access) => ({
    ...access,
    actions: [...access.actions].sort(),
  }))
}

function parseScope(text: string): Access | undefined {
  const first = text.indexOf(':')
  const last = text.lastIndexOf(':')
  if (first < 1 || last === first) return undefined
  const type = TYPE.exec(text.slice(0, first))?.[1]
  const name = text.slice(first + 1, last)
  const list = text.slice(last + 1)
  if (!ACTIONS.test(list)) return undefined
  const actions = list.split(',')
  if (type === 'registry') {
    return (name === 'catalog' || name === 'deleted_catalog') && actions.includes('*')
      ? { type, name, actions: ['*'] }
      : undefined
  }
  if (type !== 'repository' || !parseRepositoryName(name).ok) return undefined
  const known = [...REPOSITORY_SCOPE_ACTIONS.keys()]
  const asked = actions.includes('*') ? known : known.filter((action) => actions.includes(action))
  return asked.length === 0 ? undefined : { type, name, actions: asked }
}

/** Writes a scope: `repository:samples/app:pull,push`. */
export const formatScope = ({ type, name, actions }: Access): string => `${type}:${name}:${actions.join(',')}`

const DELETED_ACTIONS: ReadonlyMap<Action, string> = new Map<Action, string>([
  [DELETED_READ, 'deleted_read'],
  [DELETED_RESTORE, 'deleted_restore'],
])

/** The scope that a token needs for the repository or registry of a request. Undefined for a ping. */
export function neededScope(request: RegistryRequest): Access | undefined {
  if (request.operation === 'ping') return undefined
  const name = 'name' in request ? request.name : undefined
  const everywhere = requirements(request).some(({ action, repository }) => takesRepository(action) && !repository)
  if (name === undefined || everywhere) {
    const deleted = request.operation === 'metadata' && request.path.startsWith('/acr/v1/_deleted/')
    return {
      type: 'registry',
      name: deleted ? 'deleted_catalog' : 'catalog',
      actions: ['*'],
    }
  }
  const actions = requirements(request).map(
    ({ action }) => DELETED_ACTIONS.get(action) ?? SCOPE_ACTIONS[action as Permission],
  )
  // Clients compare scopes as text, and they write `pull` before `push`.
  return { type: 'repository', name, actions: [...new Set(actions)].sort() }
}

/** All scopes that a token needs for a request: {@link neededScope}, and for a mount the scope to read its source. */
export function neededScopes(request: RegistryRequest): readonly Access[] {
  const scope = neededScope(request)
  if (scope === undefined) return []
  const isMount = request.operation === 'mountBlob' && request.from !== request.name
  return isMount ? [scope, pullScope(request.from)] : [scope]
}

/** The scope for reading a repository, such as the source of a mount. */
export const pullScope = (name: RepositoryName): Access => ({
  type: 'repository',
  name,
  actions: ['pull'],
})

/** Whether the `access` list of a token includes a scope: the same resource with all of its actions, or with `*`. */
export function includesScope(access: readonly Access[], needed: Access): boolean {
  return needed.actions.every((action) =>
    access.some(
      (entry) =>
        entry.type === needed.type &&
        entry.name === needed.name &&
        (entry.actions.includes(action) || entry.actions.includes('*')),
    ),
  )
}
