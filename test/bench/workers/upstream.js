/** A registry that costs nothing: one manifest and one blob. */
const MANIFEST = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  config: {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: `sha256:${'c'.repeat(64)}`,
    size: 7023,
  },
  layers: ['d', 'e', 'f'].map((digit) => ({
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest: `sha256:${digit.repeat(64)}`,
    size: 32654,
  })),
})
const MANIFEST_HEADERS = {
  'content-type': 'application/vnd.oci.image.manifest.v1+json',
  'content-length': String(MANIFEST.length),
  'docker-content-digest': `sha256:${'a'.repeat(64)}`,
  'docker-distribution-api-version': 'registry/2.0',
  etag: `"sha256:${'a'.repeat(64)}"`,
}
const BLOB_HEADERS = { ...MANIFEST_HEADERS, 'content-type': 'application/octet-stream' }

export default {
  fetch({ method, url }) {
    const headers = url.includes('/blobs/') ? BLOB_HEADERS : MANIFEST_HEADERS
    return new Response(method === 'HEAD' ? null : MANIFEST, { headers })
  },
}
