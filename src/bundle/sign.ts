/** The one place that signs a bundle. */
import { CompactSign } from 'jose'
import type { SigningKey } from './keys.ts'
import { formatManifest, MANIFEST_TYPE, type Manifest } from './manifest.ts'

/** The manifest as a compact JWS (RFC 7515): the value of the pointer. */
export const signManifest = (manifest: Manifest, { id, algorithm, key }: SigningKey): Promise<string> =>
  new CompactSign(formatManifest(manifest))
    .setProtectedHeader({ alg: algorithm, kid: id, typ: MANIFEST_TYPE })
    .sign(key)
