/**
 * From who asks to the opened rights of everything that this caller is. Whoever is authenticated has at least the rights
 * of `anonymous`; denies on `everyone` reach anonymous callers too.
 */
import type { Caller } from '../caller.ts'
import type { CommonData, DenyData, PrincipalData, TokenData } from './compiled.ts'
import { type Denies, openDenies, openRights, type Rights } from './rule-index.ts'

/** {@link CommonData} with its rights opened. */
export type Common = Omit<CommonData, 'everyone' | 'anonymous' | 'groupDenies' | 'identityDenies'> & {
  readonly everyone: Rights
  readonly anonymous: Rights
  readonly groupDenies: Readonly<Record<string, Denies>>
  readonly identityDenies: Readonly<Record<string, Denies>>
}

/** {@link PrincipalData} with its rights opened. */
export type OpenPrincipal = { readonly token?: TokenData; readonly rights: Rights }

/** The opened rights of everything that a caller is. */
export type Standing = {
  readonly caller: Caller
  /** A disabled token has no rights at all. */
  readonly disabled: boolean
  readonly rights: readonly Rights[]
  readonly denies: readonly Denies[]
  /** Denies on groups and identities that the caller may be: they hold as the others do. */
  readonly doubtfulDenies: readonly Denies[]
}

export const openCommon = ({ everyone, anonymous, groupDenies, identityDenies, ...rest }: CommonData): Common => ({
  ...rest,
  everyone: openRights(everyone),
  anonymous: openRights(anonymous),
  groupDenies: openAll(groupDenies),
  identityDenies: openAll(identityDenies),
})

const openAll = (denies: Readonly<Record<string, readonly DenyData[]>>): Readonly<Record<string, Denies>> =>
  Object.fromEntries(Object.entries(denies).map(([key, list]) => [key, openDenies(list)]))

export const openPrincipal = (data: PrincipalData): OpenPrincipal => ({
  ...(data.token === undefined ? {} : { token: data.token }),
  rights: openRights(data),
})

/** @param own what the policy says of each key that the caller acts as; keys that it does not name are left out */
export function standingOf(caller: Caller, common: Common, own: readonly OpenPrincipal[]): Standing {
  const { everyone, anonymous } = common
  if (!caller.authenticated) {
    const denies = spoken([anonymous.denies, everyone.denies])
    return { caller, disabled: false, rights: [anonymous], denies, doubtfulDenies: [] }
  }
  const rights = own.map((principal) => principal.rights)
  return {
    caller,
    disabled: own.some(({ token }) => token?.status === 'disabled'),
    rights: [...rights, everyone, anonymous],
    denies: spoken([...rights.map(({ denies }) => denies), everyone.denies]),
    doubtfulDenies: doubtfulDeniesOf(caller, common),
  }
}

function doubtfulDeniesOf({ groupsUnknownOf, mayBe = [] }: Caller, common: Common): readonly Denies[] {
  const groups = groupsUnknownOf === undefined ? undefined : own(common.groupDenies, groupsUnknownOf)
  const identities = mayBe.map((key) => own(common.identityDenies, key))
  return [groups, ...identities].filter((denies) => denies !== undefined)
}

const own = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined

/** Most of what a caller is denies nothing, and need not be asked at every decision. */
const spoken = (denies: readonly Denies[]): readonly Denies[] => denies.filter(({ all }) => all.length > 0)
