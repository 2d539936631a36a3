/** Readers of the compiled policy as it lies in bundles. Never decides anything. */

import { isRecord } from '../base/json.ts'
import type {
  CommonData,
  ControlGrantData,
  DenyData,
  GrantData,
  PrincipalData,
  ProtectionData,
  TokenData,
} from '../policy/decide/compiled.ts'
import {
  type Attribute,
  type Expression,
  type Literal,
  OPERATORS,
  type Operand,
  QUANTIFIERS,
  type SetLiteral,
} from '../policy/expression.ts'
import type { Credential } from '../policy/model.ts'
import { type PrincipalKey, parsePrincipal, principalKey } from '../policy/principal.ts'
import {
  flag,
  integer,
  listOf,
  matching,
  natural,
  object,
  objectOf,
  oneOf,
  type Read,
  recordOf,
  ShapeError,
  text,
} from './shape.ts'

const principal: Read<PrincipalKey> = (value, at) => {
  const parsed = parsePrincipal(text(value, at))
  if (!parsed.ok) throw new ShapeError(`${at} is not a principal`)
  return principalKey(parsed.value)
}

const attribute = objectOf<Attribute>(
  { type: oneOf(['attribute']), source: oneOf(['Request', 'Resource', 'Principal', 'Environment']), name: text },
  {},
)

/** Picks the reader by the `type` of the value. */
const byType =
  <T>(readers: Readonly<Record<string, Read<T>>>): Read<T> =>
  (value, at) => {
    const type = isRecord(value) && 'type' in value ? text(value.type, `${at}.type`) : ''
    const read = Object.hasOwn(readers, type) ? readers[type] : undefined
    if (read === undefined) throw new ShapeError(`${at} is of the unknown type '${type}'`)
    return read(value, at)
  }

const literals = {
  string: objectOf<Extract<Literal, { type: 'string' }>>({ type: oneOf(['string']), value: text }, {}),
  integer: objectOf<Extract<Literal, { type: 'integer' }>>({ type: oneOf(['integer']), value: integer }, {}),
  boolean: objectOf<Extract<Literal, { type: 'boolean' }>>({ type: oneOf(['boolean']), value: flag }, {}),
  guid: objectOf<Extract<Literal, { type: 'guid' }>>({ type: oneOf(['guid']), value: text }, {}),
}

const operand = byType<Operand>({
  ...literals,
  attribute,
  set: objectOf<SetLiteral>({ type: oneOf(['set']), items: listOf(byType<Literal>(literals)) }, {}),
})

const expression: Read<Expression> = (value, at) => readExpression(value, at)

type Of<K extends Expression['type']> = Extract<Expression, { type: K }>

const pair = objectOf<Extract<Expression, { left: Expression }>>(
  { type: oneOf(['and', 'or']), left: expression, right: expression },
  {},
)

const readExpression = byType<Expression>({
  and: pair,
  or: pair,
  not: objectOf<Of<'not'>>({ type: oneOf(['not']), operand: expression }, {}),
  actionMatches: objectOf<Of<'actionMatches'>>({ type: oneOf(['actionMatches']), patterns: listOf(text) }, {}),
  subOperationMatches: objectOf<Of<'subOperationMatches'>>(
    { type: oneOf(['subOperationMatches']), suboperations: listOf(text) },
    {},
  ),
  exists: objectOf<Of<'exists'>>({ type: oneOf(['exists']), attribute }, {}),
  comparison: objectOf<Of<'comparison'>>(
    { type: oneOf(['comparison']), operator: oneOf(OPERATORS), left: operand, right: operand },
    { quantifier: oneOf(QUANTIFIERS) },
  ),
  constant: objectOf<Of<'constant'>>({ type: oneOf(['constant']), value: flag }, {}),
})

const rule = matching(/^(?:scopeMap|anonymous|roleAssignment|denyAssignment) ./su, 'a rule')
const pattern = matching(/./su, 'a pattern of repository names')
const limits = { when: expression, from: integer, until: integer }

const grant = objectOf<GrantData>({ on: pattern, bits: natural, rule }, limits)

const control = objectOf<ControlGrantData>({ actions: listOf(text), rule }, { notActions: listOf(text), ...limits })

const deny = objectOf<DenyData>(
  { bits: natural, rule },
  { on: listOf(pattern), actions: listOf(text), except: listOf(principal), message: text, ...limits },
)

const credential = objectOf<Credential>(
  { name: text, sha256: matching(/^[0-9a-f]{64}$/, 'a SHA-256 in hex') },
  { expires: integer },
)

const token = objectOf<TokenData>({ status: oneOf(['enabled', 'disabled']), credentials: listOf(credential) }, {})

/**
 * Reads the data of one principal from a shard.
 *
 * @throws {@link ShapeError}
 */
export const readPrincipalData: Read<PrincipalData> = objectOf<PrincipalData>(
  {},
  { token, grants: listOf(grant), control: listOf(control), denies: listOf(deny), audits: listOf(deny) },
)

const issuer = objectOf<CommonData['issuers'][number]>(
  {
    name: text,
    issuer: text,
    audiences: listOf(text),
    algorithms: listOf(text),
    subjectClaim: text,
    groupsClaim: text,
  },
  {
    claimsOmittedWhenEmpty: listOf(text),
    jwksUri: text,
    jwks: objectOf<{ readonly keys: readonly Readonly<Record<string, unknown>>[] }>({ keys: listOf(object) }, {}),
  },
)

const identity = objectOf<CommonData['identities'][number]>(
  { name: text, issuer: text, claims: recordOf(text) },
  { subject: text },
)

const yes: Read<true> = (value, at) => {
  if (value !== true) throw new ShapeError(`${at} is not true`)
  return value
}

const protection = objectOf<ProtectionData>(
  { name: text },
  {
    on: listOf(pattern),
    tags: listOf(text),
    writeOnce: yes,
    quarantine: yes,
    releaseAfter: natural,
    except: listOf(principal),
    audit: yes,
    message: text,
  },
)

/**
 * Reads what a manifest holds for every request.
 *
 * @throws {@link ShapeError}
 */
export const readCommonData: Read<CommonData> = objectOf<CommonData>(
  {
    service: text,
    mode: oneOf(['abac', 'rbac']),
    catalog: oneOf(['filtered', 'exact']),
    tokenLifetimeSeconds: natural,
    issuers: listOf(issuer),
    identities: listOf(identity),
    claims: listOf(text),
    readsMediaType: flag,
    everyone: readPrincipalData,
    anonymous: readPrincipalData,
    groupDenies: recordOf(listOf(deny)),
    identityDenies: recordOf(listOf(deny)),
  },
  { protections: listOf(protection) },
)
