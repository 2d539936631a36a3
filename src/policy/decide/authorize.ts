/**
 * From a registry request to one decision: every permission it needs, for every tag it names. The gate, `dockgate explain`
 * and the decision tests all ask here.
 */

import type { RepositoryName } from '../../registry/name.ts'
import type { Requirement } from '../../registry/permission.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import { namedTags, reachesEveryTag } from '../../registry/required-permissions.ts'
import type { Attributes, EpochSeconds } from '../model.ts'
import { parseRule, type Rule } from './compiled.ts'
import { auditedRules, type Decision, type DenyReason, decide } from './decide.ts'
import type { Common, EffectiveRights } from './effective-rights.ts'
import { requirementsUnder } from './protections.ts'
import { signingRequirements } from './signing.ts'

/** What the request says of itself beyond its path; tags and digest are read from the request. */
export type Facts = Pick<Attributes, 'mediaType' | 'artifactType' | 'clientIp'> & { readonly now: EpochSeconds }

/** The decision about a registry request: allowed, or denied with the reason. */
export type Authorization =
  /** `by` is absent where no permission is needed. */
  /** `signatureOnly`: by `sign/write`, so that a pushed manifest has to be a signature. */
  | { readonly effect: 'allow'; readonly by?: Rule; readonly signatureOnly?: true }
  | { readonly effect: 'deny'; readonly reason: DenyReason | { readonly code: 'authentication_required' } }

/**
 * @param needs what the request needs; given apart where the request's body decides, by default {@link requirementsUnder}
 */
export function authorize(
  rights: EffectiveRights,
  common: Pick<Common, 'catalog' | 'protections'>,
  request: RegistryRequest,
  facts: Facts,
  needs: readonly Requirement[] = requirementsUnder(common, request),
): Authorization {
  if (rights.disabled) return { effect: 'deny', reason: { code: 'token_disabled' } }
  if (request.operation === 'ping' || (request.operation === 'listCatalog' && common.catalog === 'filtered')) {
    return rights.caller.authenticated
      ? { effect: 'allow' }
      : { effect: 'deny', reason: { code: 'authentication_required' } }
  }
  const authorization = decideNeeds(rights, request, facts, needs)
  if (authorization.effect === 'allow' || authorization.reason.code !== 'no_grant') return authorization
  const signing = signingRequirements(request, needs)
  const signed = signing && decideNeeds(rights, request, facts, signing)
  return signed?.effect === 'allow' ? { ...signed, signatureOnly: true } : authorization
}

/** The deny assignments that are only audited and would deny an allowed request, by name. */
export function auditedDenies(
  rights: EffectiveRights,
  common: Pick<Common, 'protections'>,
  request: RegistryRequest,
  facts: Facts,
): readonly string[] {
  if (rights.audits.length === 0) return []
  const attributes = attributesOf(rights, request, facts)
  const tags = namedTags(request)
  const questions = requirementsUnder(common, request).flatMap(({ action, repository }) =>
    (tags.length === 0 ? [undefined] : tags).map((tag) => ({
      action,
      attributes: tag === undefined ? attributes : { ...attributes, tag },
      now: facts.now,
      ...(repository === undefined ? {} : { repository }),
    })),
  )
  const rules = questions.flatMap((question) => auditedRules(rights, question))
  return [...new Set(rules)].map((rule) => parseRule(rule).id)
}

/** Every need, for every tag that the request names. */
function decideNeeds(
  rights: EffectiveRights,
  request: RegistryRequest,
  facts: Facts,
  needs: readonly Requirement[],
): Authorization {
  const attributes = attributesOf(rights, request, facts)
  const tags = namedTags(request)
  let allowed: (Decision & { effect: 'allow' }) | undefined
  for (const need of needs) {
    for (const tag of tags.length === 0 ? [undefined] : tags) {
      const decision = decideNeed(rights, need, tag === undefined ? attributes : { ...attributes, tag }, facts.now)
      if (decision.effect === 'deny') return decision
      allowed ??= decision
    }
  }
  return allowed ?? { effect: 'allow' }
}

/** Whether a pull is allowed also if the manifest is held back. */
export const mayReadQuarantined = (
  rights: EffectiveRights,
  pull: Extract<RegistryRequest, { readonly operation: 'pullManifest' }>,
  facts: Facts,
): boolean =>
  decideNeeds(rights, pull, facts, [{ action: 'quarantine/read', repository: pull.name }]).effect === 'allow'

/** Whether the caller may read the source of a mount. */
export function mayReadBlob(rights: EffectiveRights, from: RepositoryName, digest: string, facts: Facts): boolean {
  const attributes = { ...attributesOf(rights, undefined, facts), method: 'GET', digest }
  return decideNeed(rights, { action: 'content/read', repository: from }, attributes, facts.now).effect === 'allow'
}

/** Either action will do, but an explicit deny of one is not overcome by a grant of the other. */
function decideNeed(rights: EffectiveRights, need: Requirement, attributes: Attributes, now: EpochSeconds): Decision {
  const { action, repository, orElse } = need
  const about = { attributes, now, ...(repository === undefined ? {} : { repository }) }
  const decision = decide(rights, { action, ...about })
  if (orElse === undefined || isForbidden(decision)) return decision
  const other = decide(rights, { action: orElse, ...about })
  if (isForbidden(other)) return other
  return decision.effect === 'deny' && other.effect === 'allow' ? other : decision
}

const isForbidden = (decision: Decision): boolean =>
  decision.effect === 'deny' && decision.reason.code === 'deny_assignment'

/** What a request says of itself, for conditions; each tag that it names is asked apart. */
export function attributesOf(rights: EffectiveRights, request: RegistryRequest | undefined, facts: Facts): Attributes {
  const { now: _, ...known } = facts
  const { claims, unreadClaims } = rights.caller
  return {
    ...known,
    ...(claims === undefined ? {} : { claims }),
    ...(unreadClaims === undefined ? {} : { unreadClaims }),
    ...(request === undefined ? {} : { method: request.method, ...digestOf(request) }),
    ...(request !== undefined && reachesEveryTag(request) ? { everyTag: true } : {}),
  }
}

function digestOf(request: RegistryRequest): { digest?: string } {
  if ('digest' in request && request.digest !== undefined) return { digest: request.digest }
  if ('reference' in request && request.reference.kind === 'digest') return { digest: request.reference.digest }
  return {}
}
