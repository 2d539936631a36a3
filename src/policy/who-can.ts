/**
 * Everybody who holds a permission, and by which rules: the decision, asked the other way round. Denies are taken away; what
 * only a request will tell is left as a condition. Never counts a principal twice for what `everyone` or `anonymous` has.
 */
import { type Action, azureAction, isDataPermission, takesRepository } from '../registry/permission.ts'
import { effective, matchesAction } from './action-pattern.ts'
import {
  type CompiledPolicy,
  type ControlGrantData,
  type DenyData,
  type GrantData,
  type NamePattern,
  type PrincipalData,
  parseRule,
  type Rule,
} from './compiled.ts'
import type { Expression } from './condition/expression.ts'
import type { EpochSeconds } from './model.ts'
import { covers } from './name-pattern.ts'
import { PERMISSION_BITS } from './permission-bits.ts'
import { ANONYMOUS, EVERYONE, type PrincipalKey } from './principal.ts'
import { residualOf } from './residual.ts'

export type Wanted = {
  readonly action: Action
  /** Absent for actions that take none; absent for one that takes it: whoever can on any repository. */
  readonly repository?: string
  readonly now: EpochSeconds
}

/** One way to hold the permission. */
export type Holding = {
  readonly rule: Rule
  /** Repositories that the rule covers; absent for actions that take none. */
  readonly on?: NamePattern
  /** Only for requests that pass this. */
  readonly when?: Expression
  readonly until?: EpochSeconds
}

/** A deny that takes some of it away again: for some requests, or on some repositories. */
export type Reservation = { readonly rule: Rule; readonly on?: readonly NamePattern[]; readonly when?: Expression }

export type Holder = {
  /** `everyone` is everybody who is authenticated; `anonymous` is everybody. */
  readonly principal: PrincipalKey
  readonly by: readonly Holding[]
  readonly unless: readonly Reservation[]
}

/** A principal that a deny keeps from what `everyone` or `anonymous` has. */
export type Exception = { readonly principal: PrincipalKey; readonly rule: Rule }

export type WhoCan = { readonly holders: readonly Holder[]; readonly except: readonly Exception[] }

export function whoCan({ common, principals }: CompiledPolicy, wanted: Wanted): WhoCan {
  const entries: (readonly [PrincipalKey, PrincipalData])[] = [
    [ANONYMOUS, common.anonymous],
    [EVERYONE, authenticated(common)],
    ...principals,
  ]
  const holders: Holder[] = []
  const except: Exception[] = []
  let isKeptFromEverybody: boolean | undefined
  for (const [principal, data] of entries) {
    const isEverybody = principal === EVERYONE || principal === ANONYMOUS
    // Both of those come first, so that nobody else is among the holders yet.
    if (!isEverybody) isKeptFromEverybody ??= common.everyone.denies !== undefined && holders.length === 0
    if (data.token?.status === 'disabled') continue
    const shared = principal === EVERYONE ? [] : (common.everyone.denies ?? [])
    const denies = [...(data.denies ?? []), ...shared].flatMap((deny) => {
      const found = reservation(deny, principal, wanted)
      return found === undefined ? [] : [found]
    })
    const total = denies.find(({ on, when }) => on === undefined && when === undefined)
    if (total !== undefined) {
      if (!isEverybody) except.push({ principal, rule: total.rule })
      continue
    }
    // What is denied to everybody but a few is listed for the few.
    const by = holdings(isKeptFromEverybody === true ? together(data, common) : data, wanted).filter(
      ({ on }) =>
        !denies.some((deny) => deny.when === undefined && on !== undefined && deny.on?.some((p) => covers(p, on))),
    )
    if (by.length > 0)
      holders.push({ principal, by, unless: denies.filter((deny) => by.some((one) => meet(one, deny))) })
  }
  const isShared = holders.some(({ principal }) => principal === EVERYONE || principal === ANONYMOUS)
  return { holders, except: isShared ? except : [] }
}

/** What a principal has of its own and as everybody. */
const together = (data: PrincipalData, { everyone, anonymous }: CompiledPolicy['common']): PrincipalData => ({
  ...data,
  grants: [data, everyone, anonymous].flatMap(({ grants }) => grants ?? []),
  control: [data, everyone, anonymous].flatMap(({ control }) => control ?? []),
})

/** What is denied to anonymous callers alone is still everybody else's. */
function authenticated({ everyone, anonymous }: CompiledPolicy['common']): PrincipalData {
  if ((anonymous.denies ?? []).length === 0) return everyone
  return {
    ...everyone,
    grants: [...(everyone.grants ?? []), ...(anonymous.grants ?? [])],
    control: [...(everyone.control ?? []), ...(anonymous.control ?? [])],
  }
}

/** Whether a deny can reach what a grant gives. */
const meet = (holding: Holding, { on }: Reservation): boolean =>
  on === undefined ||
  holding.on === undefined ||
  on.some((pattern) => covers(pattern, holding.on ?? '') || covers(holding.on ?? '', pattern))

function holdings(data: PrincipalData, wanted: Wanted): readonly Holding[] {
  const { action, repository } = wanted
  if (!isDataPermission(action)) {
    const name = azureAction(action)
    return (data.control ?? []).flatMap((grant) =>
      effective(grant.actions, grant.notActions ?? [], name) ? holding(grant, wanted) : [],
    )
  }
  const bit = PERMISSION_BITS[action]
  return (data.grants ?? []).flatMap((grant) =>
    (grant.bits & bit) !== 0 && (repository === undefined || covers(grant.on, repository))
      ? holding(grant, wanted, takesRepository(action) ? grant.on : undefined)
      : [],
  )
}

function holding(grant: GrantData | ControlGrantData, wanted: Wanted, on?: NamePattern): readonly Holding[] {
  const { from, until } = grant
  const { now } = wanted
  if ((from !== undefined && now < from) || (until !== undefined && now >= until)) return []
  const when = grant.when === undefined ? undefined : residualOf(grant.when, knownOf(wanted))
  if (when?.type === 'constant' && !when.value) return []
  return [
    {
      rule: parseRule(grant.rule),
      ...(on === undefined ? {} : { on }),
      ...(when === undefined || when.type === 'constant' ? {} : { when }),
      ...(until === undefined ? {} : { until }),
    },
  ]
}

const knownOf = ({ action, repository, now }: Wanted) => ({
  action,
  now,
  ...(repository === undefined ? {} : { name: repository }),
})

/** What a deny takes away of what is wanted; nothing if it does not reach it, or spares this principal. */
function reservation(deny: DenyData, principal: PrincipalKey, wanted: Wanted): Reservation | undefined {
  const { action, repository, now } = wanted
  const { from, until, except = [] } = deny
  if ((from !== undefined && now < from) || (until !== undefined && now >= until)) return undefined
  if (except.includes(principal) || (principal !== ANONYMOUS && except.includes(EVERYONE))) return undefined
  const isMeant = isDataPermission(action)
    ? (deny.bits & PERMISSION_BITS[action]) !== 0
    : deny.actions?.some((pattern) => matchesAction(pattern, azureAction(action))) === true
  if (!isMeant) return undefined
  // A deny reaches permissions that have no repository whatever repositories it names.
  const isNamed = takesRepository(action) && deny.on !== undefined && !deny.on.includes('*')
  if (isNamed && repository !== undefined && !deny.on?.some((pattern) => covers(pattern, repository))) return undefined
  const on = isNamed && repository === undefined ? deny.on : undefined
  const when = deny.when === undefined ? undefined : residualOf(deny.when, knownOf(wanted))
  if (when?.type === 'constant' && !when.value) return undefined
  return {
    rule: parseRule(deny.rule),
    ...(on === undefined ? {} : { on }),
    ...(when === undefined || when.type === 'constant' ? {} : { when }),
  }
}
