/**
 * What of the asked scopes goes into a token: what policy allows this caller, and never more than the token that it
 * presented. A scope is an upper bound for a quarter of an hour, so what only the request itself will tell (its tag, its
 * method) is taken as the most permissive request would have it; the gate asks policy again at every request.
 *
 * Source: distribution `docs/content/spec/auth/token.md` (the answer is the intersection, and may be empty).
 */
import { decide } from '../policy/decide/decide.ts'
import type { Common, EffectiveRights } from '../policy/decide/effective-rights.ts'
import type { Attributes, EpochSeconds } from '../policy/model.ts'
import type { Action } from '../registry/permission.ts'
import { DELETED_READ } from '../registry/required-permissions.ts'
import { type Access, includesScope, REPOSITORY_SCOPE_ACTIONS } from '../registry/scope.ts'

/** Scopes that a client asks for, and who asks. */
export type ScopeRequest = {
  readonly rights: EffectiveRights
  readonly catalog: Common['catalog']
  readonly clientIp?: string
  readonly now: EpochSeconds
  /** Access of the presented token; absent: no bound. */
  readonly bound?: readonly Access[]
}

/** The methods of the requests that need each scope action. */
const METHODS: Readonly<Record<string, readonly string[]>> = {
  pull: ['GET', 'HEAD'],
  push: ['POST', 'PUT', 'PATCH', 'GET', 'DELETE'],
  delete: ['DELETE'],
  metadata_read: ['GET'],
  metadata_write: ['PATCH'],
  deleted_read: ['GET'],
  deleted_restore: ['POST'],
}

/** The asked scopes without the actions, and then without the resources, that are not granted. Order is kept. */
export function grantScopes(asked: readonly Access[], asking: ScopeRequest): readonly Access[] {
  if (asking.rights.disabled) return []
  return asked
    .map((access) => ({ ...access, actions: access.actions.filter((action) => isGranted(access, action, asking)) }))
    .filter(({ actions }) => actions.length > 0)
}

function isGranted({ type, name }: Access, action: string, asking: ScopeRequest): boolean {
  if (asking.bound !== undefined && !includesScope(asking.bound, { type, name, actions: [action] })) return false
  if (type === 'registry') return name === 'catalog' ? grantsCatalog(asking) : allows(asking, DELETED_READ, ['GET'])
  const permissions = REPOSITORY_SCOPE_ACTIONS.get(action) ?? []
  return permissions.some((permission) => allows(asking, permission, METHODS[action] ?? [], name))
}

/** With a filtered catalog everybody who is authenticated may ask for it. */
const grantsCatalog = (asking: ScopeRequest): boolean =>
  (asking.catalog === 'filtered' && asking.rights.caller.authenticated) || allows(asking, 'catalog/read', ['GET'])

function allows(asking: ScopeRequest, action: Action, methods: readonly string[], repository?: string): boolean {
  const { rights, clientIp, now } = asking
  const { claims } = rights.caller
  const known: Attributes = {
    ...(claims === undefined ? {} : { claims }),
    ...(clientIp === undefined ? {} : { clientIp }),
  }
  const about = { action, ...(repository === undefined ? {} : { repository }), now }
  return methods.some((method) => decide(rights, { ...about, attributes: { ...known, method } }).effect === 'allow')
}
