/**
 * Whether a pushed manifest is a signature of an image of the same repository, so that `sign/write` may push it: an artifact
 * that refers to the image, the index of such artifacts under the image's tag, or what cosign keeps under a tag of its own.
 *
 * Sources: OCI distribution-spec 1.1, "Referrers Tag Schema"; Notary Project signature specification; cosign SIGNATURE_SPEC.
 */
import { isRecord } from '../../base/json.ts'
import { readSignatureTag, type SignatureTag } from '../../policy/decide/signing.ts'
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../../registry/media-type.ts'
import { type Digest, parseDigest } from '../../registry/name.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import { namedTags } from '../../registry/required-permissions.ts'
import { parseManifestObject } from './manifest.ts'
import type { RegistryFacts } from './registry-facts.ts'

const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json'
const DSSE = 'application/vnd.dsse.envelope.v1+json'

/** Layers of an artifact that is a signature. No runtime unpacks one of them. */
const SIGNATURE_LAYERS: ReadonlySet<unknown> = new Set([
  'application/jose+json',
  'application/cose',
  SIMPLE_SIGNING,
  DSSE,
  'application/vnd.in-toto+json',
])

/** Layers under each of cosign's tags. */
const COSIGN_LAYERS: Readonly<Record<'sig' | 'att' | 'sbom', ReadonlySet<unknown>>> = {
  sig: new Set([SIMPLE_SIGNING]),
  att: new Set([DSSE]),
  sbom: new Set([
    ...['text/spdx', 'text/spdx+xml', 'text/spdx+json', 'application/vnd.syft+json'],
    ...['application/vnd.cyclonedx', 'application/vnd.cyclonedx+xml', 'application/vnd.cyclonedx+json'],
  ]),
}

const EMPTY_CONFIG = 'application/vnd.oci.empty.v1+json'

type Push = Extract<RegistryRequest, { readonly operation: 'pushManifest' }>
type Fields = Readonly<Record<string, unknown>>

/**
 * Whether a pushed manifest is a signature of an image that the registry has.
 *
 * @param types artifact types of signatures
 * @param mediaType of the request's `Content-Type`
 * @throws as {@link RegistryFacts}
 */
export async function isSignature(
  request: Push,
  text: string,
  {
    mediaType,
    types,
    facts,
  }: { readonly mediaType: string | undefined; readonly types: ReadonlySet<string>; readonly facts: RegistryFacts },
): Promise<boolean> {
  const manifest = parseManifestObject(text)
  if (manifest === undefined || (manifest.mediaType ?? mediaType) !== mediaType) return false
  const [tag] = namedTags(request)
  const signed = tag === undefined ? undefined : readSignatureTag(tag)
  if (tag !== undefined && signed === undefined) return false
  const subject =
    signed === undefined ? subjectOf(manifest, mediaType, types) : subjectUnder(signed, manifest, mediaType)
  const digest = subject === undefined ? undefined : parseDigest(subject)
  if (digest?.ok !== true || !(await exists(digest.value, facts))) return false
  if (tag === undefined || signed === undefined || signed.suffix !== undefined) return true
  const listed = (await facts.manifest({ kind: 'tag', tag }))?.children ?? []
  const added = additionsTo(listed, manifest.manifests)
  if (added === undefined || added.length > ADDITIONS_MAX) return false
  const verdicts = await Promise.all(added.map((each) => isSignatureOf(signed.subject, each, types, facts)))
  return verdicts.every((isFit) => isFit)
}

/** What one push of a list may add: clients add what they have just signed. */
const ADDITIONS_MAX = 10

/** Whether a stored manifest is a signature of a subject. What the list says of it is not enough: clients differ there. */
async function isSignatureOf(
  subject: string,
  text: string,
  types: ReadonlySet<string>,
  facts: RegistryFacts,
): Promise<boolean> {
  const digest = parseDigest(text)
  const stored = digest.ok ? await facts.text({ kind: 'digest', digest: digest.value }) : undefined
  const manifest = stored === undefined ? undefined : parseManifestObject(stored)
  return manifest !== undefined && subjectOf(manifest, OCI_MANIFEST, types) === subject
}

const exists = async (digest: Digest, facts: RegistryFacts): Promise<boolean> =>
  (await facts.manifest({ kind: 'digest', digest })) !== undefined

/** The subject of an artifact that is a signature; undefined for any other manifest. */
function subjectOf(
  { artifactType, config, layers, manifests, subject }: Fields,
  mediaType: string | undefined,
  types: ReadonlySet<string>,
): string | undefined {
  if (mediaType !== OCI_MANIFEST || manifests !== undefined) return undefined
  const configType = typeOf(config)
  const type = artifactType ?? configType
  if (typeof type !== 'string' || !types.has(type)) return undefined
  if (configType !== EMPTY_CONFIG && configType !== type) return undefined
  const isLayer = (layer: unknown) => SIGNATURE_LAYERS.has(typeOf(layer)) || typeOf(layer) === type
  if (!Array.isArray(layers) || layers.length === 0 || !layers.every(isLayer)) return undefined
  return digestIn(subject)
}

/** The subject of a manifest under a tag of signatures; undefined for a manifest that does not belong there. */
function subjectUnder(
  { subject, suffix }: SignatureTag,
  { artifactType, config, layers, manifests, subject: own }: Fields,
  mediaType: string | undefined,
): string | undefined {
  if (own !== undefined || artifactType !== undefined) return undefined
  if (suffix === undefined) {
    const isIndex = mediaType === OCI_INDEX && config === undefined && layers === undefined && Array.isArray(manifests)
    return isIndex ? subject : undefined
  }
  const isLayer = (layer: unknown) => COSIGN_LAYERS[suffix].has(typeOf(layer))
  const isCosign = mediaType === OCI_MANIFEST && manifests === undefined && typeOf(config) === OCI_CONFIG
  return isCosign && Array.isArray(layers) && layers.length > 0 && layers.every(isLayer) ? subject : undefined
}

/** The digests that an index adds to what was listed; undefined if it leaves something out, or lists something odd. */
function additionsTo(listed: readonly string[], manifests: unknown): readonly string[] | undefined {
  const descriptors: readonly unknown[] = Array.isArray(manifests) ? manifests : []
  const digests = new Set<string>()
  for (const descriptor of descriptors) {
    const digest = digestIn(descriptor)
    if (digest === undefined) return undefined
    digests.add(digest)
  }
  if (!listed.every((digest) => digests.has(digest))) return undefined
  return [...digests].filter((digest) => !listed.includes(digest))
}

const typeOf = (descriptor: unknown): unknown => (isRecord(descriptor) ? descriptor.mediaType : undefined)

const digestIn = (descriptor: unknown): string | undefined =>
  isRecord(descriptor) && typeof descriptor.digest === 'string' && parseDigest(descriptor.digest).ok
    ? descriptor.digest
    : undefined
