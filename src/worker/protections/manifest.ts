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
  const value = parse(text)
  const children = value === undefined ? undefined : digestsIn(value.manifests)
  if (value === undefined || children === undefined) return undefined
  const { subject } = value
  const hasSubject = isRecord(subject) && typeof subject.digest === 'string' && parseDigest(subject.digest).ok
  return { digests: await digestsOf(text), children, hasSubject: hasSubject && !isRunnable(value) }
}

/** Configurations of images. An image with a subject would run like any other, so that it does not count as attached. */
const IMAGE_CONFIGS: ReadonlySet<unknown> = new Set([OCI_CONFIG, 'application/vnd.docker.container.image.v1+json'])

const isRunnable = ({ config, manifests }: Readonly<Record<string, unknown>>): boolean =>
  manifests !== undefined || (isRecord(config) && IMAGE_CONFIGS.has(config.mediaType))

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
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
