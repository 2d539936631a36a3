/**
 * Which protections cover a repository, a tag and a caller. What the registry holds is a fact that the caller of these
 * functions brings: they never ask for it.
 */
import type { Requirement } from '../../registry/permission.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import { requirements } from '../../registry/required-permissions.ts'
import type { Caller } from '../caller.ts'
import { matchesWildcards } from '../wildcard.ts'
import type { CommonData, ProtectionData } from './compiled.ts'
import { namePatternCovers } from './name-pattern.ts'

/** The same list for every repository that no protection covers. */
export const NO_PROTECTIONS: readonly ProtectionData[] = []

/** The protections that cover a repository; {@link NO_PROTECTIONS} if none does. */
export function protectionsOn(
  { protections }: Pick<CommonData, 'protections'>,
  repository: string,
): readonly ProtectionData[] {
  if (protections === undefined) return NO_PROTECTIONS
  const found = protections.filter(({ on }) => on?.some((pattern) => namePatternCovers(pattern, repository)) ?? true)
  return found.length === 0 ? NO_PROTECTIONS : found
}

/**
 * Tags of signatures: the referrers tag schema of the OCI distribution-spec 1.1, and the tags of cosign. Signing must go on
 * after a release, so a protection covers them only if one of its patterns begins with `sha256-`.
 */
const SIGNATURE_TAG = /^sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/
const NAMES_SIGNATURES = 'sha256-'

/** Whether a protection covers a tag. */
export function coversTag({ tags }: Pick<ProtectionData, 'tags'>, tag: string): boolean {
  if (!SIGNATURE_TAG.test(tag)) return tags?.some((pattern) => matchesWildcards(pattern, tag)) ?? true
  return tags?.some((pattern) => pattern.startsWith(NAMES_SIGNATURES) && matchesWildcards(pattern, tag)) ?? false
}

/** Whether a protection does not hold for a caller. A group or identity that the caller only may be does not count. */
export const exempts = ({ except }: Pick<ProtectionData, 'except'>, { acts }: Caller): boolean =>
  except?.some((key) => acts.includes(key)) ?? false

/** How the tags of a repository are kept for one caller. */
export type KeptTags = {
  /** The protections that hold for the caller, for any tag. */
  readonly holding: { readonly enforced: readonly ProtectionData[]; readonly audited: readonly ProtectionData[] }
  /** Whether any protection covers the tag, also one that is only audited or that exempts the caller. */
  readonly isCovered: (tag: string) => boolean
  /** The protection that refuses to move or delete the tag. */
  readonly keeper: (tag: string) => ProtectionData | undefined
  /** The protections that would refuse, but are only audited. */
  readonly audited: (tag: string) => readonly ProtectionData[]
}

/** How write-once protections keep the tags of a repository for one caller; undefined if there are no such protections. */
export function keptTags(protections: readonly ProtectionData[], caller: Caller): KeptTags | undefined {
  const once = protections.filter(({ writeOnce }) => writeOnce === true)
  if (once.length === 0) return undefined
  const holding = once.filter((protection) => !exempts(protection, caller))
  const enforced = holding.filter(({ audit }) => audit !== true)
  const audited = holding.filter(({ audit }) => audit === true)
  return {
    holding: { enforced, audited },
    isCovered: (tag) => once.some((protection) => coversTag(protection, tag)),
    keeper: (tag) => enforced.find((protection) => coversTag(protection, tag)),
    audited: (tag) => audited.filter((protection) => coversTag(protection, tag)),
  }
}

/** How manifests of a repository are held back. */
export type Quarantine = {
  /** The protections that hold them back. */
  readonly enforced: readonly ProtectionData[]
  /** Those that only would. */
  readonly audited: readonly ProtectionData[]
  /** Seconds after which a manifest is released by age; undefined: never. */
  readonly releaseAfter: number | undefined
}

/** The quarantine of a repository; undefined if no protection makes one. */
export function quarantineOf(protections: readonly ProtectionData[]): Quarantine | undefined {
  const all = protections.filter(({ quarantine }) => quarantine === true)
  if (all.length === 0) return undefined
  const enforced = all.filter(({ audit }) => audit !== true)
  const ages = (enforced.length > 0 ? enforced : all).map(({ releaseAfter = Number.POSITIVE_INFINITY }) => releaseAfter)
  const releaseAfter = Math.max(...ages)
  return {
    enforced,
    audited: all.filter(({ audit }) => audit === true),
    releaseAfter: releaseAfter === Number.POSITIVE_INFINITY ? undefined : releaseAfter,
  }
}

/** Whether what a caller pushes is released at once: each protection of a quarantine exempts it. */
export const isTrustedPusher = ({ enforced, audited }: Quarantine, caller: Caller): boolean =>
  [...enforced, ...audited].every((protection) => exempts(protection, caller))

const READS: ReadonlySet<RegistryRequest['operation']> = new Set([
  'pullManifest',
  'pullBlob',
  'listReferrers',
  'listTags',
])

/** Azure's attributes of manifests, and what protects the repository: they say what is in quarantine. */
const saysStates = (request: RegistryRequest): boolean =>
  request.operation === 'metadata' &&
  request.method === 'GET' &&
  /^\/acr\/v1\/(?!_)[^?]*\/_(?:protections|manifests(?:\/[^/?]+)?)(?:\?|$)/.test(request.path)

/**
 * What a request needs where manifests are held back: `quarantine/read` reads and lists as well, with or without
 * `content/read`.
 */
export function requirementsUnder(
  { protections }: Pick<CommonData, 'protections'>,
  request: RegistryRequest,
): readonly Requirement[] {
  const needs = requirements(request)
  if (protections === undefined || !('name' in request) || request.name === undefined) return needs
  if (!READS.has(request.operation) && !saysStates(request)) return needs
  const quarantine = quarantineOf(protectionsOn({ protections }, request.name))
  return quarantine === undefined ? needs : needs.map((need) => ({ ...need, orElse: 'quarantine/read' }))
}
