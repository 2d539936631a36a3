/**
 * One edit of a policy set, as data: small enough to be said in one line, exact enough to be made. Never decides whether it
 * should be made.
 */
import type { Permission, RepositoryPermission } from '../../registry/permission.ts'
import { ruleOf } from '../compile/rule.ts'
import { formatRule, type Rule } from '../decide/compiled.ts'
import type {
  EpochSeconds,
  PolicySet,
  RoleDefinition,
  ScopeMap,
  ScopeMapAction,
  ScopeMapPermission,
  Source,
} from '../model.ts'
import type { UnmetRule } from '../near-identity.ts'
import type { PrincipalKey } from '../principal.ts'
import { formatRepositoryPattern, type RepositoryPattern } from '../repository-pattern.ts'

/** A line of a scope map without its place. */
export type ScopeMapLine = Pick<ScopeMapAction, 'repository' | 'permission'>

/** One change of a policy set. */
export type Change =
  /** Present the credential of anybody; the policy stays as it is. */
  | { readonly kind: 'authenticate' }
  /** Present a token of which this identity's whole rule is true; the policy stays as it is. */
  | { readonly kind: 'comeAs'; readonly identity: string; readonly unmet: readonly UnmetRule[] }
  | { readonly kind: 'enableToken'; readonly token: string; readonly source: Source }
  | {
      readonly kind: 'extendScopeMap'
      readonly scopeMap: string
      readonly lines: readonly ScopeMapLine[]
      readonly source: Source
      /** Other tokens that have this scope map, and so the new right too. */
      readonly sharedWith: readonly string[]
    }
  /** Another system-defined scope map, all of which cover every repository. */
  | { readonly kind: 'useScopeMap'; readonly token: string; readonly scopeMap: string; readonly source: Source }
  /** A token that nobody defined, with a scope map of its own of the same name. */
  | { readonly kind: 'defineToken'; readonly token: string; readonly lines: readonly ScopeMapLine[] }
  | { readonly kind: 'extendAnonymous'; readonly lines: readonly ScopeMapLine[]; readonly source?: Source }
  | {
      readonly kind: 'assignRole'
      readonly principal: PrincipalKey
      readonly role: RoleDefinition
      /** The role has to be defined first. */
      readonly isNewRole: boolean
      /** Absent: the assignment is not narrowed. */
      readonly repositories?: readonly RepositoryPattern[]
    }
  /** Begin at `time` or before. */
  | { readonly kind: 'beginEarlier'; readonly rule: Rule; readonly time: EpochSeconds }
  /** End later than `time`. */
  | { readonly kind: 'endLater'; readonly rule: Rule; readonly time: EpochSeconds }
  | { readonly kind: 'spare'; readonly rule: Rule; readonly principal: PrincipalKey }

const SCOPE_MAP_PERMISSIONS: readonly ScopeMapPermission[] = [
  'content/read',
  'content/write',
  'content/delete',
  'metadata/read',
  'metadata/write',
]

/** Whether a scope map can say it. */
export const isScopeMapPermission = (
  permission: Permission | RepositoryPermission | string,
): permission is ScopeMapPermission => SCOPE_MAP_PERMISSIONS.some((known) => known === permission)

/** A line as a scope map writes it, such as `repositories/samples/app/content/read`. */
export const formatScopeMapLine = ({ repository, permission }: ScopeMapLine): string =>
  `repositories/${formatRepositoryPattern(repository)}/${permission}`

/** Where added rules stand: in no file yet. */
const NOWHERE: Source = { file: '', line: 1, column: 1 }

const withSource = (lines: readonly ScopeMapLine[]): readonly ScopeMapAction[] =>
  lines.map((line) => ({ ...line, source: NOWHERE }))

/** The policy set after a change. The rest of it is left as it is, and shared. */
export function applyChange(policies: PolicySet, change: Change): PolicySet {
  const { scopeMaps, tokens, roles, roleAssignments, denyAssignments, registry } = policies
  switch (change.kind) {
    case 'authenticate':
    case 'comeAs':
      return policies
    case 'enableToken':
      return {
        ...policies,
        tokens: tokens.map((token) => (token.name === change.token ? { ...token, status: 'enabled' } : token)),
      }
    case 'extendScopeMap':
      return {
        ...policies,
        scopeMaps: scopeMaps.map((map) =>
          map.name === change.scopeMap ? { ...map, actions: [...map.actions, ...withSource(change.lines)] } : map,
        ),
      }
    case 'useScopeMap':
      return {
        ...policies,
        tokens: tokens.map((token) => (token.name === change.token ? { ...token, scopeMap: change.scopeMap } : token)),
      }
    case 'defineToken': {
      const map: ScopeMap = { name: change.token, actions: withSource(change.lines), source: NOWHERE }
      const token = {
        name: change.token,
        scopeMap: map.name,
        status: 'enabled',
        credentials: [],
        source: NOWHERE,
      } as const
      return { ...policies, scopeMaps: [...scopeMaps, map], tokens: [...tokens, token] }
    }
    case 'extendAnonymous':
      return {
        ...policies,
        registry: { ...registry, anonymous: [...registry.anonymous, ...withSource(change.lines)] },
      }
    case 'assignRole': {
      const { principal, role, repositories, isNewRole } = change
      const assignment = {
        name: `${principal} as ${role.name}`,
        principal,
        role,
        ...(repositories === undefined ? {} : { repositories }),
        source: NOWHERE,
      }
      return {
        ...policies,
        roles: isNewRole ? [...roles, role] : roles,
        roleAssignments: [...roleAssignments, assignment],
      }
    }
    case 'beginEarlier':
    case 'endLater': {
      const wanted = formatRule(change.rule)
      const window = change.kind === 'beginEarlier' ? { notBefore: change.time } : { notAfter: change.time + 1 }
      return {
        ...policies,
        roleAssignments: roleAssignments.map((assignment) =>
          formatRule(ruleOf.roleAssignment(assignment)) === wanted ? { ...assignment, ...window } : assignment,
        ),
      }
    }
    case 'spare': {
      const wanted = formatRule(change.rule)
      return {
        ...policies,
        denyAssignments: denyAssignments.map((deny) =>
          formatRule(ruleOf.denyAssignment(deny)) === wanted
            ? { ...deny, except: [...deny.except, change.principal] }
            : deny,
        ),
      }
    }
  }
}
