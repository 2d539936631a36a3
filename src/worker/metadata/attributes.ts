/**
 * Attributes in the shapes of Azure's metadata API: of a repository, of tags and of manifests.
 *
 * Source: Azure/acr-cli `docs/swagger.yaml` (2019-07-15-preview).
 */
import { isRecord } from '../../base/json.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../../registry/media-type.ts'
import { jsonHeaders } from '../answers/refusal.ts'
import { ATTRIBUTES } from '../protections/locks.ts'
import { parseManifestObject } from '../protections/manifest.ts'
import type { SeenTimes } from '../protections/state/calls.ts'

/** The state of a manifest in a quarantine, in Azure's words. `Pending` is Dockgate's: Azure has no word for it. */
export type ShownQuarantine = {
  readonly quarantineState: 'Pending' | 'Passed' | 'Failed'
  readonly quarantineDetails?: string
}

/** The attributes that a caller may change. @param forbidden what a lock forbids, as bits of `LOCK` */
export const changeable = (forbidden: number | undefined, quarantine?: ShownQuarantine) => ({
  ...Object.fromEntries(Array.from(ATTRIBUTES, ([name, bit]) => [name, ((forbidden ?? 0) & bit) === 0])),
  ...quarantine,
})

/** When the gate first saw something, in place of times that a registry does not tell. */
export const timesOf = (times: SeenTimes | undefined) =>
  times === undefined
    ? {}
    : {
        createdTime: new Date(times.createdMs).toISOString(),
        lastUpdateTime: new Date(times.updatedMs).toISOString(),
      }

/** What a manifest says of itself. `imageSize`: bytes of its configuration and layers, or of the manifests that it lists. */
export function describeManifest(text: string) {
  const { mediaType, artifactType, config, layers, manifests } = parseManifestObject(text) ?? {}
  const descriptors = [config, ...(Array.isArray(manifests) ? manifests : Array.isArray(layers) ? layers : [])]
  const sizes = descriptors.map((each) => (isRecord(each) && typeof each.size === 'number' ? each.size : 0))
  return {
    imageSize: sizes.reduce((sum, size) => sum + size, 0),
    mediaType: typeof mediaType === 'string' ? mediaType : manifests === undefined ? OCI_MANIFEST : OCI_INDEX,
    ...(isRecord(config) && typeof config.mediaType === 'string' ? { configMediaType: config.mediaType } : {}),
    ...(typeof artifactType === 'string' ? { artifactType } : {}),
  }
}

/** An answer of the metadata API. */
export function metadataAnswer(value: unknown, link?: string, status = 200): Response {
  const headers = jsonHeaders()
  if (link !== undefined) headers.set('link', link)
  return new Response(JSON.stringify(value), { status, headers })
}
