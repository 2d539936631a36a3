/**
 * Real container images, made without a container engine: a root filesystem with a static busybox, and layers of
 * reproducible noise, as OCI image layouts and docker archives on disk. All digests are computed here, so a test can
 * say what a registry must answer.
 */

import { createCipheriv, createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { z } from 'zod'
import { clientPath } from './clients.ts'
import { scratchDirectory } from './scratch.ts'
import { tarArchive } from './tar.ts'

export const MIB = 1024 * 1024

export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const

/** OCI image-spec, descriptor.md. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly platform?: Platform
}

/** OCI image-spec, image-index.md, `platform`. */
export interface Platform {
  readonly os: string
  readonly architecture: string
}

/** What goes into an image. Equal recipes make equal digests (given the same busybox and zlib). */
export interface ImageRecipe {
  /** Seeds the noise; another seed gives other layers. Default `dockgate`. */
  readonly seed?: string
  /** One noise layer for each number. Default 3 MiB and 5 MiB. */
  readonly layerBytes?: readonly number[]
  /** Default this machine's. An image for another platform has the noise layers but no busybox. */
  readonly platform?: Platform
}

/** An OCI image layout on disk with one image or index in it. */
export interface Layout {
  readonly directory: string
  /** The name of the image inside the layout, as in `oci:directory:tag`. */
  readonly tag: string
  /** The image's or the index's own descriptor. */
  readonly root: Descriptor
  /** Everything the root leads to, itself included, each once. */
  readonly blobs: readonly Descriptor[]
}

/** The platform this machine runs images of, with Go's names for the architecture. */
export const hostPlatform: Platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch }

const TAG = 'built'

/** OCI image-spec, annotations.md. */
const REFERENCE_NAME = 'org.opencontainers.image.ref.name'

const layoutIndex = z.object({
  manifests: z.array(z.object({ digest: z.string(), annotations: z.record(z.string(), z.string()).optional() })),
})

/** An image as an OCI layout. */
export function imageLayout(recipe: ImageRecipe = {}): Layout {
  const writer = layoutWriter()
  return writer.finish(writeImage(writer, recipe).manifest)
}

/** A multi-platform index as an OCI layout: one image for each platform, with different noise. */
export function indexLayout(platforms: readonly Platform[], recipe: Omit<ImageRecipe, 'platform'> = {}): Layout {
  const writer = layoutWriter()
  const manifests = platforms.map((platform) => {
    const seed = `${recipe.seed ?? 'dockgate'} ${platform.os}/${platform.architecture}`
    return { ...writeImage(writer, { ...recipe, seed, platform }).manifest, platform }
  })
  return writer.finish(writer.json(mediaTypes.index, { schemaVersion: 2, mediaType: mediaTypes.index, manifests }))
}

/** An image as an archive in the format of `docker save`, named `reference` inside; the archive's path. */
export function dockerArchive(reference: string, recipe: ImageRecipe = {}): string {
  const writer = layoutWriter()
  const { config, layers } = writeImage(writer, recipe)
  const file = (descriptor: Descriptor, extension: string) => ({
    type: 'file' as const,
    name: `${hexOf(descriptor.digest)}.${extension}`,
    content: readFileSync(blobPath(writer.directory, descriptor.digest)),
  })
  const configFile = file(config, 'json')
  const layerFiles = layers.map((layer) => file(layer, 'tar.gz'))
  const manifest = [{ Config: configFile.name, RepoTags: [reference], Layers: layerFiles.map(({ name }) => name) }]
  const content = Buffer.from(JSON.stringify(manifest))
  const path = join(scratchDirectory('archive'), 'image.tar')
  writeFileSync(path, tarArchive([configFile, ...layerFiles, { type: 'file', name: 'manifest.json', content }]))
  return path
}

/** What a layout holds: the digest of its root, and of everything in it, sorted. */
export interface Content {
  readonly root: string
  readonly blobs: readonly string[]
}

/** The content of a layout made here. */
export function contentOf({ root, blobs }: Layout): Content {
  return { root: root.digest, blobs: blobs.map(({ digest }) => digest).sort() }
}

/**
 * The content of a layout as a client left it. Reads every blob and throws if one is not what its name says, or if
 * there is not exactly one root.
 */
export async function readLayout(directory: string): Promise<Content> {
  const { manifests } = layoutIndex.parse(JSON.parse(await readFile(join(directory, 'index.json'), 'utf8')))
  // oras lists an index's images next to it: what has a name is what was pulled.
  const named = manifests.filter(({ annotations }) => annotations?.[REFERENCE_NAME] !== undefined)
  const [root, ...others] = (named.length > 0 ? named : manifests).map(({ digest }) => digest)
  if (root === undefined || others.length > 0) throw new Error(`${directory} does not have exactly one root`)
  const names = await readdir(join(directory, 'blobs', 'sha256'))
  const blobs = names.map((name) => `sha256:${name}`).sort()
  for (const digest of blobs) {
    const actual = digestOf(await readFile(blobPath(directory, digest)))
    if (actual !== digest) throw new Error(`${directory} has ${actual} under the name ${digest}`)
  }
  return { root, blobs }
}

/** Reproducible bytes that do not compress: the AES-CTR key stream of the seed's hash. */
export function noise(seed: string, bytes: number): Buffer {
  const key = createHash('sha256').update(seed).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes))
}

/** `sha256:…` of these bytes. */
export function digestOf(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

/** Where a layout keeps the blob with this digest. */
export function blobPath(directory: string, digest: string): string {
  return join(directory, 'blobs', 'sha256', hexOf(digest))
}

function hexOf(digest: string): string {
  return digest.slice('sha256:'.length)
}

interface LayoutWriter {
  readonly directory: string
  bytes(mediaType: string, content: Uint8Array): Descriptor
  json(mediaType: string, value: unknown): Descriptor
  finish(root: Descriptor): Layout
}

/** OCI image-spec, image-layout.md. */
function layoutWriter(): LayoutWriter {
  const directory = scratchDirectory('layout')
  const blobs = new Map<string, Descriptor>()
  mkdirSync(join(directory, 'blobs', 'sha256'), { recursive: true })
  const bytes = (mediaType: string, content: Uint8Array): Descriptor => {
    const descriptor = { mediaType, digest: digestOf(content), size: content.length }
    writeFileSync(blobPath(directory, descriptor.digest), content)
    blobs.set(descriptor.digest, descriptor)
    return descriptor
  }
  return {
    directory,
    bytes,
    json: (mediaType, value) => bytes(mediaType, Buffer.from(JSON.stringify(value))),
    finish: (root) => {
      const annotations = { [REFERENCE_NAME]: TAG }
      const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [{ ...root, annotations }] }
      writeFileSync(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
      writeFileSync(join(directory, 'index.json'), JSON.stringify(index))
      return { directory, tag: TAG, root, blobs: [...blobs.values()] }
    },
  }
}

interface WrittenImage {
  readonly manifest: Descriptor
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
}

function writeImage(writer: LayoutWriter, recipe: ImageRecipe): WrittenImage {
  const { seed = 'dockgate', layerBytes = [3 * MIB, 5 * MIB], platform = hostPlatform } = recipe
  const runnable = platform.os === hostPlatform.os && platform.architecture === hostPlatform.architecture
  const noiseLayers = layerBytes.map((bytes, position) =>
    tarArchive([{ type: 'file', name: `noise-${position}`, content: noise(`${seed} ${position}`, bytes) }]),
  )
  const archives = [...(runnable ? [busyboxArchive()] : []), ...noiseLayers]
  // Noise does not get smaller: store it, so that 200 MiB take no longer than their hash.
  const layers = archives.map((archive) => writer.bytes(mediaTypes.layer, gzipSync(archive, { level: 0 })))
  const config = writer.json(mediaTypes.config, {
    created: '1970-01-01T00:00:00Z',
    ...platform,
    config: { Entrypoint: ['/bin/busybox'], Cmd: ['echo', 'it runs'], Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: archives.map(digestOf) },
  })
  const manifest = writer.json(mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config,
    layers,
  })
  return { manifest, config, layers }
}

/** A root filesystem with nothing but busybox. */
function busyboxArchive(): Buffer {
  const path = clientPath('busybox')
  const content = readFileSync(path)
  if (hasInterpreter(content)) throw new Error(`${path} is not static: install Debian's busybox-static`)
  return tarArchive([
    { type: 'directory', name: 'bin/' },
    { type: 'file', name: 'bin/busybox', content, mode: 0o755 },
    { type: 'symlink', name: 'bin/sh', target: 'busybox' },
    { type: 'directory', name: 'etc/' },
    { type: 'file', name: 'etc/passwd', content: Buffer.from('root:x:0:0:root:/:/bin/sh\n') },
    { type: 'directory', name: 'tmp/', mode: 0o1777 },
  ])
}

/** Whether a 64-bit little-endian ELF program names a dynamic loader (a program header of type PT_INTERP). */
function hasInterpreter(elf: Buffer): boolean {
  const offset = Number(elf.readBigUInt64LE(32))
  const entryBytes = elf.readUInt16LE(54)
  const entries = elf.readUInt16LE(56)
  return Array.from({ length: entries }, (_, i) => elf.readUInt32LE(offset + i * entryBytes)).includes(3)
}
