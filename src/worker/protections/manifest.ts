/**
 * What protections need to know of a manifest: its digests, and what it lists. Read from the text that goes to the registry,
 * never from a header.
 *
 * Source: OCI image-spec 1.1, "Image Index"; Docker, "Image Manifest Version 2, Schema 2".
 */
import { toHex } from '../../base/bytes.ts'
import { isRecord } from '../../base/json.ts'
import { OCI_CONFIG } from '../../registry/media-type.ts'
import { parseDigest } from '../../registry/name.ts'

/** A manifest, as far as protections read it. */
export type Manifest = {
  /** SHA-256, then SHA-512: a registry may name the manifest by either (OCI image-spec, "Registered Algorithms"). */
  readonly digests: readonly [string, string]
  /** Digests of the manifests that an index lists. */
  readonly children: readonly string[]
  /** Whether it is attached to another manifest, as a signature is. */
  readonly hasSubject: boolean
}

/** Reads a manifest; undefined if it is not a JSON object, or lists a digest that is not one. */
export async function readManifest(text: string): Promise<Manifest | undefined> {
  const value = parseManifestObject(text)
  const children = value === undefined ? undefined : digestsIn(value.manifests)
  if (value === undefined || children === undefined) return undefined
  const { subject } = value
  const hasSubject = isRecord(subject) && typeof subject.digest === 'string' && parseDigest(subject.digest).ok
  return { digests: await digestsOf(text), children, hasSubject: hasSubject && !isRunnable(value) }
}

/** Configurations of images. An image with a subject would run like any other, so that it does not count as attached. */
const IMAGE_CONFIGS: ReadonlySet<unknown> = new Set([OCI_CONFIG, 'application/vnd.docker.container.image.v1+json'])

/** A configuration without a type counts as that of an image: of two keys `config` some readers join the values. */
const isRunnable = ({ config, manifests }: Readonly<Record<string, unknown>>): boolean =>
  manifests !== undefined ||
  !isRecord(config) ||
  typeof config.mediaType !== 'string' ||
  IMAGE_CONFIGS.has(config.mediaType)

/** Keys whose value tells what a manifest is, at any depth. */
const TELLING: ReadonlySet<string> = new Set([
  ...['mediaType', 'artifactType', 'config', 'layers', 'manifests', 'subject', 'digest'],
])
const TELLING_IN_ANY_CASE = /^(?:mediatype|artifacttype|config|layers|manifests|subject|digest)$/iu

/**
 * The JSON object of a manifest. Undefined for any other text, and for one in which a telling key is written in other letters:
 * registries and clients that are written in Go read such a key as the key itself.
 */
export function parseManifestObject(text: string): Readonly<Record<string, unknown>> | undefined {
  let isOdd = false
  try {
    const value: unknown = JSON.parse(text, (key, item: unknown) => {
      isOdd ||= TELLING_IN_ANY_CASE.test(key) && !TELLING.has(key)
      return item
    })
    return isRecord(value) && !isOdd ? value : undefined
  } catch {
    return undefined
  }
}

function digestsIn(descriptors: unknown): readonly string[] | undefined {
  if (descriptors === undefined || descriptors === null) return []
  if (!Array.isArray(descriptors)) return undefined
  const digests = descriptors.map((each: unknown) =>
    isRecord(each) && typeof each.digest === 'string' ? parseDigest(each.digest) : undefined,
  )
  return digests.every((digest) => digest?.ok === true) ? digests.map(({ value }) => value) : undefined
}

async function digestsOf(text: string): Promise<readonly [string, string]> {
  const bytes = new TextEncoder().encode(text)
  const digest = async (algorithm: string, name: string): Promise<string> =>
    `${algorithm}:${toHex(new Uint8Array(await crypto.subtle.digest(name, bytes)))}`
  return [await digest('sha256', 'SHA-256'), await digest('sha512', 'SHA-512')]
}
