/** What denies take away from a caller who holds a permission: all of it, or some requests, or some repositories. */
import { azureAction, isDataPermission, takesRepository } from '../../registry/permission.ts'
import { matchesAction } from '../action-pattern.ts'
import { type DenyData, type NamePattern, parseRule, type Rule } from '../decide/compiled.ts'
import { namePatternCovers } from '../decide/name-pattern.ts'
import type { Expression } from '../expression.ts'
import { PERMISSION_BITS } from '../permission-bits.ts'
import { ANONYMOUS, EVERYONE, type PrincipalKey } from '../principal.ts'
import { type HeldGrant, isOpen, residualFor, type Wanted } from './held-grant.ts'

/** What is absent does not limit it. */
export type DenyEffect = {
  readonly rule: Rule
  readonly on?: readonly NamePattern[]
  readonly when?: Expression
  /** Callers that are one of these too are spared. */
  readonly except?: readonly PrincipalKey[]
}

/**
 * What a deny takes away of what is wanted; nothing if it does not reach it.
 *
 * @param except of those whom it spares, the ones that a caller can be besides
 */
export function reservationOf(deny: DenyData, wanted: Wanted, except: readonly PrincipalKey[]): DenyEffect | undefined {
  const { action, repository } = wanted
  if (!isOpen(deny, wanted)) return undefined
  const isMeant = isDataPermission(action)
    ? (deny.bits & PERMISSION_BITS[action]) !== 0
    : deny.actions?.some((pattern) => matchesAction(pattern, azureAction(action))) === true
  if (!isMeant) return undefined
  // A deny reaches permissions that have no repository whatever repositories it names.
  const isNamed = takesRepository(action) && deny.on !== undefined && !deny.on.includes('*')
  if (isNamed && repository !== undefined && !deny.on?.some((pattern) => namePatternCovers(pattern, repository)))
    return undefined
  const when = residualFor(deny, wanted)
  if (when === 'never') return undefined
  return {
    rule: parseRule(deny.rule),
    ...(isNamed && repository === undefined ? { on: deny.on } : {}),
    ...(when === 'always' ? {} : { when }),
    ...(except.length === 0 ? {} : { except }),
  }
}

/** Whether a deny spares a principal by itself. */
export const exempts = ({ except = [] }: DenyData, principal: PrincipalKey): boolean =>
  except.includes(principal) || (principal !== ANONYMOUS && except.includes(EVERYONE))

/** Whether a deny can reach what a grant gives. */
export const overlaps = ({ on }: DenyEffect, grant: HeldGrant): boolean =>
  on === undefined ||
  grant.on === undefined ||
  on.some((pattern) => namePatternCovers(pattern, grant.on ?? '') || namePatternCovers(grant.on ?? '', pattern))

/** Whether a deny leaves nothing of what a grant gives. */
export const removesAll = ({ on, when, except }: DenyEffect, grant: HeldGrant): boolean =>
  when === undefined &&
  except === undefined &&
  (on === undefined || on.some((pattern) => grant.on !== undefined && namePatternCovers(pattern, grant.on)))
