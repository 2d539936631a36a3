/**
 * From who asks to the opened rights of everything that this caller is. Whoever is authenticated has at least the rights
 * of `anonymous`; denies on `everyone` reach anonymous callers too.
 */
import type { Caller } from './caller.ts'
import type { CommonData, DenyData, PrincipalData, TokenData } from './compiled.ts'
import { type Denies, openDenies, openRights, type Rights } from './rights.ts'

/** {@link CommonData} with its rights opened. */
export type Common = Omit<CommonData, 'everyone' | 'anonymous' | 'groupDenies'> & {
  readonly everyone: Rights
  readonly anonymous: Rights
  readonly groupDenies: ReadonlyMap<string, Denies>
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
}

export const openCommon = ({ everyone, anonymous, groupDenies, ...rest }: CommonData): Common => ({
  ...rest,
  everyone: openRights(everyone),
  anonymous: openRights(anonymous),
  groupDenies: new Map(
    Object.entries(groupDenies).map(([issuer, denies]: [string, readonly DenyData[]]) => [issuer, openDenies(denies)]),
  ),
})

export const openPrincipal = (data: PrincipalData): OpenPrincipal => ({
  ...(data.token === undefined ? {} : { token: data.token }),
  rights: openRights(data),
})

/** @param own what the policy says of each key that the caller acts as; keys that it does not name are left out */
export function standingOf(caller: Caller, common: Common, own: readonly OpenPrincipal[]): Standing {
  const { everyone, anonymous, groupDenies } = common
  if (!caller.authenticated) {
    return { caller, disabled: false, rights: [anonymous], denies: spoken([anonymous.denies, everyone.denies]) }
  }
  const rights = own.map((principal) => principal.rights)
  const unknown = caller.groupsUnknownOf === undefined ? undefined : groupDenies.get(caller.groupsUnknownOf)
  return {
    caller,
    disabled: own.some(({ token }) => token?.status === 'disabled'),
    rights: [...rights, everyone, anonymous],
    denies: spoken([
      ...rights.map(({ denies }) => denies),
      everyone.denies,
      ...(unknown === undefined ? [] : [unknown]),
    ]),
  }
}

/** Most of what a caller is denies nothing, and need not be asked at every decision. */
const spoken = (denies: readonly Denies[]): readonly Denies[] => denies.filter(({ all }) => all.length > 0)
