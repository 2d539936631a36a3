/**
 * Whether a manifest is of the type that its header says. A registry may go by the one and a condition by the other, so
 * where policy asks for the media type the two must agree. Never changes a byte.
 *
 * Source: OCI image-spec, "Guidance for verifiers" of `mediaType`; distribution advisory GHSA-qq97-vm5h-rrhg.
 */
import { isRecord } from '../../base/json.ts'
import { DOCKER_LIST, OCI_INDEX } from '../../registry/media-type.ts'

/** The longest manifest that is read, in bytes: what the distribution-spec asks registries to accept. */
export const MANIFEST_MAX_BYTES = 4 * 1024 * 1024

const INDEX_TYPES: ReadonlySet<string> = new Set([OCI_INDEX, DOCKER_LIST])

/** One type and no parameters (RFC 6838 section 4.2). A header that is there twice arrives as a list. */
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/

/** The keys that tell a manifest's type, however a registry may fold them: some read keys in any letter case. */
const TELLING = /^(?:mediaType|manifests|layers|config)$/iu
const TELLING_KEYS: ReadonlySet<string> = new Set(['mediaType', 'manifests', 'layers', 'config'])

/** Whether a text is a manifest of type `mediaType`: a JSON object whose keys agree with the type. */
export function isManifestOf(mediaType: string | undefined, text: string): boolean {
  const manifest = parseObject(text)
  if (manifest === undefined || mediaType === undefined || !MEDIA_TYPE.test(mediaType)) return false
  if (Object.keys(manifest).some((key) => TELLING.test(key) && !TELLING_KEYS.has(key))) return false
  const isIndex = 'manifests' in manifest
  // Both at once is read as the one or the other by different clients.
  if (isIndex && ('layers' in manifest || 'config' in manifest)) return false
  const own = manifest.mediaType ?? mediaType
  return own === mediaType && isIndex === INDEX_TYPES.has(mediaType)
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}
