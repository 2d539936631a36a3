/**
 * What `sign/write` pushes in place of `content/write`: blobs, manifests by digest, and the tags of signatures. Whether such a
 * manifest is a signature is in its body, which the gate reads.
 */
import type { Tag } from '../../registry/name.ts'
import type { Requirement } from '../../registry/permission.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import { namedTags } from '../../registry/required-permissions.ts'

const PUSHES: ReadonlySet<RegistryRequest['operation']> = new Set([
  'pushManifest',
  'startUpload',
  'mountBlob',
  'uploadStatus',
  'uploadChunk',
  'completeUpload',
  'cancelUpload',
])

/** What a tag of signatures is about: the digest of an image, and how it was written. */
export type SignatureTag = { readonly subject: string; readonly suffix: 'sig' | 'att' | 'sbom' | undefined }

/**
 * Reads a tag of the referrers tag schema (OCI distribution-spec 1.1) or of cosign; undefined for any other tag. `suffix` is
 * absent for the first.
 */
export function readSignatureTag(tag: Tag): SignatureTag | undefined {
  const [, hex, suffix] = /^sha256-([0-9a-f]{64})(?:\.(sig|att|sbom))?$/.exec(tag) ?? []
  if (hex === undefined) return undefined
  return {
    subject: `sha256:${hex}`,
    suffix: suffix === 'sig' || suffix === 'att' || suffix === 'sbom' ? suffix : undefined,
  }
}

/** The needs of a push that `sign/write` may make; undefined for any other request. */
export function signingRequirements(
  request: RegistryRequest,
  needs: readonly Requirement[],
): readonly Requirement[] | undefined {
  if (!PUSHES.has(request.operation)) return undefined
  const tags = namedTags(request)
  if (tags.length > 1 || tags.some((tag) => readSignatureTag(tag) === undefined)) return undefined
  return needs.map((need) => (need.action === 'content/write' ? { ...need, action: 'sign/write' } : need))
}
