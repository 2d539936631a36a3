/**
 * Principals that no file defines. The gate can never authenticate one, so what is decided for it says nothing of the one
 * that was meant. Never decides.
 */

import { nearest } from '../../base/spelling.ts'
import type { PolicySet } from '../model.ts'
import type { Principal } from '../principal.ts'

/** What the files would have to define: a token, an identity, or the issuer of a subject or group. */
export type Undefined = {
  readonly kind: 'token' | 'identity' | 'issuer'
  readonly name: string
  /** The name that was probably meant. */
  readonly nearest?: string
}

type Definitions = Pick<PolicySet, 'tokens' | 'identities' | 'issuers'>

/** What is not defined of a principal; nothing if all is, or if there is nothing to define. */
export function undefinedPrincipal(policies: Definitions, principal: Principal): Undefined | undefined {
  const wanted = definitionOf(principal)
  if (wanted === undefined) return undefined
  const { kind, name } = wanted
  const names = namesOf(policies, kind)
  if (names.includes(name)) return undefined
  const guess = nearest(name, names)
  return { kind, name, ...(guess === undefined ? {} : { nearest: guess }) }
}

function namesOf({ tokens, identities, issuers }: Definitions, kind: Undefined['kind']): readonly string[] {
  const defined = { token: tokens, identity: identities, issuer: issuers }[kind]
  return defined.map(({ name }) => name)
}

function definitionOf(principal: Principal): Pick<Undefined, 'kind' | 'name'> | undefined {
  switch (principal.kind) {
    case 'token':
    case 'identity':
      return { kind: principal.kind, name: principal.name }
    case 'subject':
    case 'group':
      return { kind: 'issuer', name: principal.issuer }
    case 'anonymous':
    case 'everyone':
      return undefined
  }
}
