/** Who vouches for callers, and whom it vouches for: issuers and federated identities. */
import type { Identity, Issuer } from '../../policy/model.ts'
import { checkKeys } from '../keys.ts'
import { complaint } from '../problem.ts'
import type { Context, Item } from './context.ts'
import { optional } from './optional.ts'

const ISSUER_HINT = 'a token could belong to either: put all audiences into one issuer'

/** Checks an issuer. Reports what is wrong with it; an empty list if it cannot be used. */
export function resolveIssuer(
  { name, entry, value }: Item<'issuers'>,
  { declared, report }: Pick<Context, 'declared' | 'report'>,
): readonly Issuer[] {
  if (value === undefined) return []
  const { jwks, ...issuer } = value
  if (!declared.claim('issuer with the URL', value.issuer, entry.at('issuer'), ISSUER_HINT)) return []
  if (jwks !== undefined) {
    if (value.jwksUri !== undefined) {
      report.error(entry.keyAt('jwks'), complaint('ambiguous', 'jwks and jwksUri are both given', 'keep one of them'))
    }
    checkKeys(jwks.keys, entry.child('jwks').child('keys'), report)
  }
  return [{ ...issuer, name, ...optional('jwks', jwks), source: entry.source }]
}

/** Resolves the issuer of an identity. Reports what is wrong with it; an empty list if it cannot be used. */
export function resolveIdentity(
  { name, entry, value }: Item<'identities'>,
  { names, report }: Pick<Context, 'names' | 'report'>,
): readonly Identity[] {
  if (value === undefined) return []
  const claims = value.claims ?? {}
  names.require('issuer', value.issuer, entry.at('issuer'))
  if (value.subject === undefined && Object.keys(claims).length === 0) {
    const hint = 'add subject, or claims with at least one pattern'
    report.error(entry.source, complaint('identity_unbounded', 'this identity would be everyone of the issuer', hint))
  }
  if (value.subject?.includes('*')) {
    const hint = 'patterns go into claims, e.g. claims: { sub: ... }'
    report.warning(
      entry.at('subject'),
      complaint('subject_wildcard', 'subject is compared exactly, * is not a wildcard here', hint),
    )
  }
  return [{ name, issuer: value.issuer, ...optional('subject', value.subject), claims, source: entry.source }]
}
