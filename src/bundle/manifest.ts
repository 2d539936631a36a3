/**
 * The manifest of a bundle: everything that a gate must trust, in one signed text. It names each shard by its digest, and
 * carries what every request needs, so that a cold gate reads the manifest and one shard. Never verifies a signature.
 */
import type { CommonData } from '../policy/compiled.ts'
import type { EpochSeconds } from '../policy/model.ts'
import { err, ok, type Result } from '../registry/result.ts'
import { DIGEST_LENGTH } from './digest.ts'
import { readCommonData } from './policy-shape.ts'
import type { BundleProblem } from './problem.ts'
import { matching, natural, objectOf, ShapeError } from './shape.ts'
import { MAX_BITS, shardOf } from './sharding.ts'

/** Version of the whole format: manifest, sharding and shards. Raised whenever an older gate would read it wrongly. */
export const FORMAT = 1

/** `typ` of the signature's header: what is signed here can never pass for a token, nor a token for it. */
export const MANIFEST_TYPE = 'dockgate-bundle+jws'

export type Manifest = {
  readonly format: number
  /** Rises with every push and roll-back. */
  readonly serial: number
  readonly created: EpochSeconds
  /** Exclusive. */
  readonly expires: EpochSeconds
  /** The serial whose content this one brings back. */
  readonly rollbackOf?: number
  /** There are `2 ** bits` shards. */
  readonly bits: number
  /** The digests of the shards in order, {@link DIGEST_LENGTH} characters each. */
  readonly shards: string
  /** How much there is, for people and for guards. */
  readonly principals: number
  readonly grants: number
  /** Of all shards together. */
  readonly bytes: number
  readonly common: CommonData
}

const readManifest = objectOf<Manifest>(
  {
    format: natural,
    serial: natural,
    created: natural,
    expires: natural,
    bits: natural,
    shards: matching(/^[A-Za-z0-9_-]*$/, 'a list of digests'),
    principals: natural,
    grants: natural,
    bytes: natural,
    common: readCommonData,
  },
  { rollbackOf: natural },
)

/** The bytes that are signed: the same for the same manifest. */
export const formatManifest = (manifest: Manifest): Uint8Array => new TextEncoder().encode(JSON.stringify(manifest))

/** Read the bytes that a signature covers. */
export function parseManifest(payload: Uint8Array): Result<Manifest, BundleProblem> {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload))
    const version = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined
    if (typeof version === 'number' && version !== FORMAT) return err(unsupported(version))
    const manifest = readManifest(value, '')
    if (manifest.bits > MAX_BITS || manifest.shards.length !== DIGEST_LENGTH * 2 ** manifest.bits) {
      throw new ShapeError(`shards does not hold ${2 ** manifest.bits} digests`)
    }
    return ok(manifest)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return err({ code: 'manifest_malformed', message: `the bundle's manifest cannot be read: ${why}; push it again` })
  }
}

const unsupported = (version: number): BundleProblem => ({
  code: 'format_unsupported',
  message:
    version > FORMAT
      ? `the bundle has format ${version} and this gate reads format ${FORMAT}: deploy a newer gate, or push with the dockgate command of this gate's version`
      : `the bundle has format ${version} and this gate reads format ${FORMAT}: push again with the dockgate command of this gate's version`,
})

export const shardCount = ({ bits }: Pick<Manifest, 'bits'>): number => 2 ** bits

export const digestAt = ({ shards }: Pick<Manifest, 'shards'>, index: number): string =>
  shards.slice(index * DIGEST_LENGTH, (index + 1) * DIGEST_LENGTH)

/** The digest of the shard that holds a principal, if any does. */
export const digestFor = (manifest: Pick<Manifest, 'bits' | 'shards'>, key: string): string =>
  digestAt(manifest, shardOf(key, manifest.bits))

/** Every digest once. */
export function digestsOf(manifest: Pick<Manifest, 'bits' | 'shards'>): ReadonlySet<string> {
  return new Set(Array.from({ length: shardCount(manifest) }, (_, index) => digestAt(manifest, index)))
}
