/**
 * Everybody who holds a permission, and by which rules: the decision, asked the other way round. Denies are taken away; what
 * only a request will tell is left as a condition. Never counts a principal twice for what `everyone` or `anonymous` has:
 * a principal is listed where it has more or less than that.
 */

import type { CompiledPolicy, DenyData, PrincipalData } from '../decide/compiled.ts'
import { ANONYMOUS, EVERYONE, type PrincipalKey } from '../principal.ts'
import { companions } from './co-principals.ts'
import { type DenyEffect, exempts, overlaps, removesAll, reservationOf } from './deny-effect.ts'
import { type HeldGrant, heldGrantsOf, type Wanted } from './held-grant.ts'

/** A principal that holds a permission, and by which rule. */
export type Holder = {
  /** `everyone` is everybody who is authenticated; `anonymous` is everybody. */
  readonly principal: PrincipalKey
  readonly by: readonly HeldGrant[]
  readonly unless: readonly DenyEffect[]
  /** The principal is a token and every password that it has is over: nobody can log in as it. */
  readonly passwords?: 'expired'
}

/** What a deny keeps a principal from, of what `everyone` or `anonymous` has. */
export type Exception = DenyEffect & { readonly principal: PrincipalKey }

/** All principals that hold a permission. */
export type WhoCan = {
  readonly holders: readonly Holder[]
  readonly except: readonly Exception[]
  /** Denies on groups and identities: they also keep out callers whose claims do not say whether they are one. */
  readonly doubtful: readonly Exception[]
}

/** Finds all principals that hold a permission. */
export function whoCan({ common, principals }: CompiledPolicy, wanted: Wanted): WhoCan {
  const canBeBoth = companions(common.identities)
  const shared = (common.everyone.denies ?? []).filter((deny) => reservationOf(deny, wanted, []) !== undefined)
  const deniesOf = (principal: PrincipalKey, own: readonly DenyData[] = []): readonly DenyEffect[] =>
    [...own, ...shared].flatMap((deny) => {
      if (exempts(deny, principal)) return []
      const others = (deny.except ?? []).filter((other) => canBeBoth(principal, other))
      return reservationOf(deny, wanted, others) ?? []
    })

  const anonymous = heldGrantsOf(common.anonymous, wanted)
  const everyone = heldGrantsOf(common.everyone, wanted)
  const deniesOfAnonymous = deniesOf(ANONYMOUS, common.anonymous.denies)
  const deniesOfEveryone = deniesOf(EVERYONE)
  const everybody = { holdings: [...everyone, ...anonymous], denies: deniesOfEveryone }
  const spared = new Set(shared.flatMap(({ except = [] }) => except))
  // A principal that is exempt may have no rule of its own.
  const unknown = [...spared].filter((key) => key !== EVERYONE && key !== ANONYMOUS && !principals.has(key))
  const keys = unknown.length === 0 ? principals.keys() : [...principals.keys(), ...unknown].sort()

  const found = [
    listed(ANONYMOUS, anonymous, deniesOfAnonymous, NOBODY),
    listed(EVERYONE, everyone, deniesOfEveryone, { holdings: anonymous, denies: deniesOfAnonymous }),
  ]
  for (const key of keys) {
    const data = principals.get(key)
    if (data?.token?.status === 'disabled') continue
    const own = data === undefined ? [] : heldGrantsOf(data, wanted)
    const isLikeEverybody = own.length === 0 && data?.denies === undefined && !spared.has(key)
    if (!isLikeEverybody)
      found.push(withPasswords(listed(key, own, deniesOf(key, data?.denies), everybody), data, wanted))
  }
  return {
    holders: found.flatMap(({ holder }) => holder),
    except: found.flatMap(({ except }) => except),
    doubtful: [...principals].flatMap(([principal, { denies = [] }]) =>
      isKnownByClaims(principal)
        ? denies.flatMap((deny) => {
            const effect = reservationOf(deny, wanted, [])
            return effect === undefined ? [] : [{ principal, ...effect }]
          })
        : [],
    ),
  }
}

const isKnownByClaims = (principal: PrincipalKey): boolean =>
  principal.startsWith('group:') || principal.startsWith('identity:')

/** What a principal is besides itself, and so has as well. */
type Everybody = { readonly holdings: readonly HeldGrant[]; readonly denies: readonly DenyEffect[] }

const NOBODY: Everybody = { holdings: [], denies: [] }

type Listed = { readonly holder: readonly Holder[]; readonly except: readonly Exception[] }

function listed(
  principal: PrincipalKey,
  own: readonly HeldGrant[],
  denies: readonly DenyEffect[],
  everybody: Everybody,
): Listed {
  // What a deny takes from everybody but not from this one is reported for this one.
  const spared = everybody.denies.filter((deny) => !has(denies, deny))
  const kept = everybody.holdings.filter((grant) => spared.some((deny) => overlaps(deny, grant)))
  const by = [...own, ...kept].filter((grant) => !denies.some((deny) => removesAll(deny, grant)))
  const unless = denies.filter((deny) => by.some((grant) => overlaps(deny, grant)))

  const rest = everybody.holdings.filter((grant) => !everybody.denies.some((deny) => removesAll(deny, grant)))
  const except = denies
    .filter((deny) => !has(everybody.denies, deny) && rest.some((grant) => overlaps(deny, grant)))
    .map((deny) => ({ principal, ...deny }))
  const total = except.find(({ on, when, except: others }) => (on ?? when ?? others) === undefined)
  return {
    holder: by.length === 0 ? [] : [{ principal, by, unless }],
    except: total === undefined ? except : [total],
  }
}

function withPasswords(found: Listed, data: PrincipalData | undefined, { now }: Wanted): Listed {
  const credentials = data?.token?.credentials ?? []
  const areOver = credentials.every(({ expires }) => expires !== undefined && expires <= now)
  if (credentials.length === 0 || !areOver) return found
  return { ...found, holder: found.holder.map((holder) => ({ ...holder, passwords: 'expired' })) }
}

const has = (denies: readonly DenyEffect[], { rule }: DenyEffect): boolean =>
  denies.some((deny) => deny.rule.id === rule.id)
