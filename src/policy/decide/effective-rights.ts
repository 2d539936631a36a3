/**
 * From who asks to the opened rights of everything that this caller is. Everyone who is authenticated has at least the rights
 * of `anonymous`; denies on `everyone` reach anonymous callers too.
 */
import type { Caller } from '../caller.ts'
import type { CommonData, DenyData, PrincipalData, TokenData } from './compiled.ts'
import { type DenyIndex, indexDenies, indexRules, type RuleIndex } from './rule-index.ts'

/** {@link CommonData} with its rights opened. */
export type Common = Omit<CommonData, 'everyone' | 'anonymous' | 'groupDenies' | 'identityDenies'> & {
  readonly everyone: RuleIndex
  readonly anonymous: RuleIndex
  readonly groupDenies: Readonly<Record<string, DenyIndex>>
  readonly identityDenies: Readonly<Record<string, DenyIndex>>
}

/** {@link PrincipalData} with its rights opened. */
export type IndexedPrincipal = { readonly token?: TokenData; readonly rights: RuleIndex }

/** The opened rights of everything that a caller is. */
export type EffectiveRights = {
  readonly caller: Caller
  /** A disabled token has no rights at all. */
  readonly disabled: boolean
  readonly rights: readonly RuleIndex[]
  readonly denies: readonly DenyIndex[]
  /** Denies on groups and identities that the caller may be: they hold as the others do. */
  readonly doubtfulDenies: readonly DenyIndex[]
  /** Denies that are only audited. */
  readonly audits: readonly DenyIndex[]
}

/** Indexes what every request may need, once for each bundle. */
export const indexCommon = ({ everyone, anonymous, groupDenies, identityDenies, ...rest }: CommonData): Common => ({
  ...rest,
  everyone: indexRules(everyone),
  anonymous: indexRules(anonymous),
  groupDenies: openAll(groupDenies),
  identityDenies: openAll(identityDenies),
})

const openAll = (denies: Readonly<Record<string, readonly DenyData[]>>): Readonly<Record<string, DenyIndex>> =>
  Object.fromEntries(Object.entries(denies).map(([key, list]) => [key, indexDenies(list)]))

/** Indexes the rules of one principal, once for each bundle. */
export const indexPrincipal = (data: PrincipalData): IndexedPrincipal => ({
  ...(data.token === undefined ? {} : { token: data.token }),
  rights: indexRules(data),
})

/** @param own what the policy says of each key that the caller acts as; keys that it does not name are left out */
export function effectiveRightsOf(caller: Caller, common: Common, own: readonly IndexedPrincipal[]): EffectiveRights {
  const { everyone, anonymous } = common
  if (!caller.authenticated) {
    const denies = nonEmpty([anonymous.denies, everyone.denies])
    const audits = nonEmpty([anonymous.audits, everyone.audits])
    return { caller, disabled: false, rights: [anonymous], denies, doubtfulDenies: [], audits }
  }
  const rights = own.map((principal) => principal.rights)
  return {
    caller,
    disabled: own.some(({ token }) => token?.status === 'disabled'),
    rights: [...rights, everyone, anonymous],
    denies: nonEmpty([...rights.map(({ denies }) => denies), everyone.denies]),
    doubtfulDenies: doubtfulDeniesOf(caller, common),
    audits: nonEmpty([...rights.map(({ audits }) => audits), everyone.audits]),
  }
}

function doubtfulDeniesOf({ groupsUnknownOf, mayBe = [] }: Caller, common: Common): readonly DenyIndex[] {
  const groups = groupsUnknownOf === undefined ? undefined : own(common.groupDenies, groupsUnknownOf)
  const identities = mayBe.map((key) => own(common.identityDenies, key))
  return [groups, ...identities].filter((denies) => denies !== undefined)
}

const own = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined

/** Most of what a caller is denies nothing, and need not be asked at every decision. */
const nonEmpty = (denies: readonly DenyIndex[]): readonly DenyIndex[] => denies.filter(({ all }) => all.length > 0)
