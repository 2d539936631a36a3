/**
 * What the protections of a policy say of a request that permissions allow, as far as that is known without the registry.
 * The gate does not use it: it asks its own state and the registry.
 */
import { type ContentChange, contentChange } from '../../registry/content-change.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import { type Facts, mayReadQuarantined } from '../decide/authorize.ts'
import type { ProtectionData, Rule } from '../decide/compiled.ts'
import type { Common, EffectiveRights } from '../decide/effective-rights.ts'
import { type KeptTags, keptTags, protectionsOn, quarantineOf } from '../decide/protections.ts'

/** What the registry holds, as far as somebody says it. */
export type KnownContent = {
  /** The digest that the kept tag of the request names; null: there is no such tag. Absent: nobody knows. */
  readonly tagExists?: string | null
  /** The state of the pulled manifest; absent: nobody knows. */
  readonly quarantine?: 'pending' | 'released' | 'rejected'
}

/** What the protections say of a request. */
export type ContentVerdict =
  | { readonly effect: 'allow' }
  | {
      readonly effect: 'deny'
      readonly code: 'write_once' | 'quarantined'
      readonly rule: Rule
      readonly message?: string
    }
  /** Only the registry knows: the request is refused if `condition` holds. */
  | { readonly effect: 'depends'; readonly rule: Rule; readonly condition: string }

const ALLOWED: ContentVerdict = { effect: 'allow' }

/** What the protections of a policy say of a request. */
export function contentVerdict(
  common: Pick<Common, 'protections'>,
  rights: EffectiveRights,
  request: RegistryRequest,
  facts: Facts,
  known: KnownContent = {},
): ContentVerdict {
  const name = 'name' in request ? request.name : undefined
  if (common.protections === undefined || name === undefined) return ALLOWED
  const protections = protectionsOn(common, name)
  if (request.operation === 'pullManifest') {
    const [holder] = quarantineOf(protections)?.enforced ?? []
    if (holder === undefined || mayReadQuarantined(rights, request, facts)) return ALLOWED
    return verdictOfPull(holder, known)
  }
  const change = contentChange(request)
  if (change === undefined) return ALLOWED
  const kept = keptTags(protections, rights.caller)
  return kept === undefined ? ALLOWED : verdictOn(change, kept, digestIn(request), known)
}

function verdictOfPull(holder: ProtectionData, { quarantine }: KnownContent): ContentVerdict {
  if (quarantine === 'released') return ALLOWED
  return quarantine === undefined ? depends(holder, 'it is not released') : denied(holder, 'quarantined')
}

function verdictOn(
  change: ContentChange,
  kept: KeptTags,
  pushed: string | undefined,
  { tagExists }: KnownContent,
): ContentVerdict {
  const [any] = kept.holding.enforced
  switch (change.kind) {
    case 'push': {
      const tag = change.tags.find((each) => kept.keeper(each) !== undefined)
      const keeper = tag === undefined ? undefined : kept.keeper(tag)
      if (keeper === undefined || tagExists === null) return ALLOWED
      if (tagExists === undefined) return depends(keeper, `the tag ${tag} names another digest`)
      return tagExists === pushed ? ALLOWED : denied(keeper)
    }
    case 'deleteTag': {
      const keeper = kept.keeper(change.tag)
      if (keeper !== undefined) return denied(keeper)
      return any === undefined ? ALLOWED : needed(any, 'a kept tag needs its manifest', tagExists)
    }
    case 'deleteManifest': {
      if (any === undefined) return ALLOWED
      return tagExists === change.digest ? denied(any) : needed(any, 'a kept tag needs the manifest', tagExists)
    }
    case 'deleteRepository':
      if (any === undefined) return ALLOWED
      return typeof tagExists === 'string' ? denied(any) : needed(any, 'the repository has a kept tag', tagExists)
    case 'deleteBlob':
    case 'restore':
      return any === undefined ? ALLOWED : denied(any)
  }
}

const digestIn = (request: RegistryRequest): string | undefined =>
  'reference' in request && request.reference.kind === 'digest' ? request.reference.digest : undefined

const needed = (protection: ProtectionData, condition: string, tagExists: string | null | undefined): ContentVerdict =>
  tagExists === undefined ? depends(protection, condition) : ALLOWED

const ruleOf = ({ name }: ProtectionData): Rule => ({ kind: 'protection', id: name })

const depends = (protection: ProtectionData, condition: string): ContentVerdict => ({
  effect: 'depends',
  rule: ruleOf(protection),
  condition,
})

const denied = (protection: ProtectionData, code: 'write_once' | 'quarantined' = 'write_once'): ContentVerdict => ({
  effect: 'deny',
  code,
  rule: ruleOf(protection),
  ...(protection.message === undefined ? {} : { message: protection.message }),
})
