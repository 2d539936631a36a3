/**
 * The manifest of a bundle: everything that a gate must trust, in one signed text. It names each shard by its digest, and
 * carries what every request needs, so that a cold gate reads the manifest and one shard. Never verifies a signature.
 */

import { isRecord } from '../base/json.ts'
import { err, ok, type Result } from '../base/result.ts'
import type { CommonData } from '../policy/decide/compiled.ts'
import type { EpochSeconds } from '../policy/model.ts'
import { DIGEST_LENGTH } from './digest.ts'
import { readCommonData } from './policy-shape.ts'
import type { BundleProblem } from './problem.ts'
import { matching, natural, object, objectOf, ShapeError, text } from './shape.ts'
import { MAX_BITS, shardOf } from './sharding.ts'

/** Version of the whole format: manifest, sharding and shards. Raised whenever an older gate would read it wrongly. */
export const FORMAT = 2

/** `typ` of the signature's header: what is signed here can never pass for a token, nor a token for it. */
export const MANIFEST_TYPE = 'dockgate-bundle+jws'

/** The payload of a signed pointer. docs/decisions/0005-bundle-format.md explains it. */
export type Manifest = {
  readonly format: number
  /** The key of the store under which this manifest is the policy: it counts under no other. */
  readonly pointer: string
  /** Rises with every push and roll-back. */
  readonly serial: number
  readonly created: EpochSeconds
  /** Exclusive. */
  readonly expires: EpochSeconds
  /** The serial whose content this one brings back. */
  readonly rollbackOf?: number
  /** What the bundle was made from, for people: `1a2b3c4 Let team-x push`. One line, see {@link LABEL}. */
  readonly label?: string
  /** There are `2 ** bits` shards. */
  readonly bits: number
  /** The digests of the shards in order, {@link DIGEST_LENGTH} characters each. */
  readonly shards: string
  /** How much there is, for people and for guards. */
  readonly principals: number
  readonly grants: number
  /** Of all shards together. */
  readonly bytes: number
  /** Names the service that the bundle is for. */
  readonly common: CommonData
}

/** 1 to 200 characters without control characters: a label is shown on terminals and in logs. */
export const LABEL = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,200}$/u

const readDigests = matching(/^[A-Za-z0-9_-]*$/, 'a list of digests')

/** @throws ShapeError when there are not as many digests as shards */
function needDigests(bits: number, shards: string): void {
  if (bits > MAX_BITS || shards.length !== DIGEST_LENGTH * 2 ** bits) {
    throw new ShapeError(`shards does not hold ${2 ** bits} digests`)
  }
}

const readManifest = objectOf<Manifest>(
  {
    format: natural,
    pointer: text,
    serial: natural,
    created: natural,
    expires: natural,
    bits: natural,
    shards: readDigests,
    principals: natural,
    grants: natural,
    bytes: natural,
    common: readCommonData,
  },
  { rollbackOf: natural, label: matching(LABEL, 'one line of 1 to 200 characters') },
)

/** The bytes that are signed: the same for the same manifest. */
export const formatManifest = (manifest: Manifest): Uint8Array => new TextEncoder().encode(JSON.stringify(manifest))

/** Read the bytes that a signature covers. */
export function parseManifest(payload: Uint8Array): Result<Manifest, BundleProblem> {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload))
    const version = isRecord(value) ? value.format : undefined
    if (typeof version === 'number' && version !== FORMAT) return err(unsupported(version))
    const manifest = readManifest(value, '')
    needDigests(manifest.bits, manifest.shards)
    return ok(manifest)
  } catch (error) {
    return err(unreadable(error))
  }
}

function unreadable(error: unknown): BundleProblem {
  const why = error instanceof Error ? error.message : String(error)
  return { code: 'manifest_malformed', message: `the bundle's manifest cannot be read: ${why}; push it again` }
}

const unsupported = (version: number): BundleProblem => ({
  code: 'format_unsupported',
  message:
    version > FORMAT
      ? `the bundle has format ${version} and this gate reads format ${FORMAT}: deploy a newer gate, or push with the dockgate command of this gate's version`
      : `the bundle has format ${version} and this gate reads format ${FORMAT}: push again with the dockgate command of this gate's version`,
})

/** How many shards a bundle has: a power of two. */
export const shardCount = ({ bits }: Pick<Manifest, 'bits'>): number => 2 ** bits

/** The digest of one shard; empty for an index that the bundle does not have. */
export const digestAt = ({ shards }: Pick<Manifest, 'shards'>, index: number): string =>
  shards.slice(index * DIGEST_LENGTH, (index + 1) * DIGEST_LENGTH)

/** The digest of the shard that holds a principal, if any does. */
export const digestFor = (manifest: Pick<Manifest, 'bits' | 'shards'>, key: string): string =>
  digestAt(manifest, shardOf(key, manifest.bits))

/** Every digest once. */
export function digestsOf(manifest: Pick<Manifest, 'bits' | 'shards'>): ReadonlySet<string> {
  return new Set(Array.from({ length: shardCount(manifest) }, (_, index) => digestAt(manifest, index)))
}

/** As much of a manifest as tells which shards it names. */
export type Outline = Pick<Manifest, 'format' | 'serial' | 'created' | 'bits' | 'shards'>

/**
 * Read the outline of this format or of an older one, which had the same fields for it: for finding out what a store holds.
 * Says nothing of what the bundle allows, and for what.
 */
export function parseOutline(payload: Uint8Array): Result<Outline, BundleProblem> {
  try {
    const value = object(JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload)), '')
    const format = natural(value.format, 'format')
    if (format > FORMAT) return err(unsupported(format))
    const bits = natural(value.bits, 'bits')
    const shards = readDigests(value.shards, 'shards')
    needDigests(bits, shards)
    return ok({
      format,
      serial: natural(value.serial, 'serial'),
      created: natural(value.created, 'created'),
      bits,
      shards,
    })
  } catch (error) {
    return err(unreadable(error))
  }
}
