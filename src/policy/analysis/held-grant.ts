/** The grants by which a principal holds a permission, as far as they are known before a request comes. Never looks at denies. */
import { type Action, azureAction, isDataPermission, takesRepository } from '../../registry/permission.ts'
import { isActionGranted } from '../action-pattern.ts'
import {
  type ControlGrantData,
  type DenyData,
  type GrantData,
  type NamePattern,
  type PrincipalData,
  parseRule,
  type Rule,
} from '../decide/compiled.ts'
import { namePatternCovers } from '../decide/name-pattern.ts'
import type { Expression } from '../expression.ts'
import type { EpochSeconds } from '../model.ts'
import { PERMISSION_BITS } from '../permission-bits.ts'
import { residualOf } from './residual.ts'

/** The permission that is looked for. */
export type Wanted = {
  readonly action: Action
  /** Absent for actions that take none; absent for one that takes it: on any repository. */
  readonly repository?: string
  readonly now: EpochSeconds
}

/** One way to hold the permission. */
export type HeldGrant = {
  readonly rule: Rule
  /** Repositories that the rule covers; absent for actions that take none. */
  readonly on?: NamePattern
  /** Only for requests that pass this. */
  readonly when?: Expression
  readonly until?: EpochSeconds
}

/** The grants of a principal that give a permission. */
export function heldGrantsOf(data: PrincipalData, wanted: Wanted): readonly HeldGrant[] {
  const { action, repository } = wanted
  if (!isDataPermission(action)) {
    const name = azureAction(action)
    return (data.control ?? []).flatMap((grant) =>
      isActionGranted(grant.actions, grant.notActions ?? [], name) ? holding(grant, wanted) : [],
    )
  }
  const bit = PERMISSION_BITS[action]
  return (data.grants ?? []).flatMap((grant) =>
    (grant.bits & bit) !== 0 && (repository === undefined || namePatternCovers(grant.on, repository))
      ? holding(grant, wanted, takesRepository(action) ? grant.on : undefined)
      : [],
  )
}

function holding(grant: GrantData | ControlGrantData, wanted: Wanted, on?: NamePattern): readonly HeldGrant[] {
  const { until } = grant
  const when = residualFor(grant, wanted)
  if (!isOpen(grant, wanted) || when === 'never') return []
  return [
    {
      rule: parseRule(grant.rule),
      ...(on === undefined ? {} : { on }),
      ...(when === 'always' ? {} : { when }),
      ...(until === undefined ? {} : { until }),
    },
  ]
}

type Limited = GrantData | ControlGrantData | DenyData

/** Whether a rule has begun and not ended. */
export const isOpen = ({ from, until }: Limited, { now }: Wanted): boolean =>
  (from === undefined || now >= from) && (until === undefined || now < until)

/** What a rule's condition leaves to a request. */
export function residualFor({ when }: Limited, { action, repository, now }: Wanted): Expression | 'always' | 'never' {
  if (when === undefined) return 'always'
  const left = residualOf(when, { action, now, ...(repository === undefined ? {} : { name: repository }) })
  if (left.type !== 'constant') return left
  return left.value ? 'always' : 'never'
}
