/**
 * Puts one tiny public image into an empty development registry, so that the commands printed at the start have
 * something to pull and push without any other registry.
 */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { CommandError } from '../../terminal/command-error.ts'

/** Repository of the image that a new development registry holds. */
export const SEED_REPOSITORY = 'public/hello'
/** Tag of the image that a new development registry holds. */
export const SEED_TAG = 'latest'

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** @param registry base URL of the registry, without a slash at the end */
export async function seedRegistry(registry: string): Promise<void> {
  const manifestUrl = `${registry}/v2/${SEED_REPOSITORY}/manifests/${SEED_TAG}`
  const accept = 'application/vnd.oci.image.manifest.v1+json'
  if ((await fetch(manifestUrl, { method: 'HEAD', headers: { accept } })).ok) return
  const tar = tarOf('hello.txt', Buffer.from('Hello from the development registry behind Dockgate.\n'))
  const layer = gzipSync(tar, { level: 9 })
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Labels: { 'org.opencontainers.image.title': 'hello' } },
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
    }),
  )
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: accept,
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar+gzip', layer)],
  })
  for (const blob of [config, layer]) await pushBlob(registry, blob)
  await send(manifestUrl, { method: 'PUT', headers: { 'content-type': accept }, body: manifest })
}

const descriptor = (mediaType: string, bytes: Uint8Array) => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.byteLength,
})

async function pushBlob(registry: string, bytes: Buffer): Promise<void> {
  const uploads = `${registry}/v2/${SEED_REPOSITORY}/blobs/uploads/`
  const started = await send(uploads, { method: 'POST' })
  const location = new URL(started.headers.get('location') ?? '', uploads)
  location.searchParams.set('digest', digestOf(bytes))
  const headers = { 'content-type': 'application/octet-stream' }
  await send(location.href, { method: 'PUT', headers, body: new Uint8Array(bytes) })
}

async function send(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init)
  if (response.ok) return response
  throw new CommandError(3, `the development registry answered ${response.status} to ${init.method} ${url}`)
}

/** A tar archive of one regular file (POSIX ustar). */
function tarOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512)
  const field = (offset: number, text: string) => header.write(text, offset, 'ascii')
  field(0, name)
  field(100, '0000644\0')
  field(108, '0000000\0')
  field(116, '0000000\0')
  field(124, `${content.byteLength.toString(8).padStart(11, '0')}\0`)
  field(136, '00000000000\0')
  field(148, '        ')
  field(156, '0')
  field(257, 'ustar\x0000')
  const checksum = header.reduce((sum, byte) => sum + byte, 0)
  field(148, `${checksum.toString(8).padStart(6, '0')}\0 `)
  const padding = Buffer.alloc((512 - (content.byteLength % 512)) % 512)
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)])
}
