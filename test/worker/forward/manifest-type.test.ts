import { describe, expect, it } from 'vitest'
import type { DenyAssignment } from '../../../src/policy/model.ts'
import { principalKey } from '../../../src/policy/principal.ts'
import { isManifestOf, MANIFEST_MAX_BYTES } from '../../../src/worker/forward/manifest-type.ts'
import { createWorld, errorOf } from '../gate-world.ts'

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const INDEX = 'application/vnd.oci.image.index.v1+json'
const manifest = (members: object = {}) => JSON.stringify({ schemaVersion: 2, config: {}, layers: [], ...members })
const index = (members: object = {}) => JSON.stringify({ schemaVersion: 2, manifests: [], ...members })

describe('a manifest is of the type that its header says', () => {
  it.each([
    ['by its own word', MANIFEST, manifest({ mediaType: MANIFEST })],
    ['by its shape', MANIFEST, manifest()],
    ['an index by its own word', INDEX, index({ mediaType: INDEX })],
    ['an index by its shape', INDEX, index()],
    ['of a type that nobody knows', 'application/vnd.example+json', '{"mediaType":"application/vnd.example+json"}'],
    ['with spaces that its digest is computed over', MANIFEST, ` ${manifest()}\n`],
  ])('%s', (_, mediaType, text) => {
    expect(isManifestOf(mediaType, text)).toBe(true)
  })

  it.each([
    ['an index calls itself a manifest in the header', MANIFEST, index({ mediaType: INDEX })],
    ['an index without a word of its own', MANIFEST, index()],
    ['a manifest as index', INDEX, manifest()],
    ['another type inside', MANIFEST, manifest({ mediaType: INDEX })],
    ['a type that is not text', MANIFEST, manifest({ mediaType: 1 })],
    ['letter case', MANIFEST, manifest({ mediaType: MANIFEST.toUpperCase() })],
    ['both at once', MANIFEST, manifest({ manifests: [] })],
    ['both at once as index', INDEX, manifest({ manifests: [] })],
    ['another type by a key in other letters', MANIFEST, manifest({ mediaType: MANIFEST, MediaType: INDEX })],
    ['an index by a key in other letters', MANIFEST, manifest({ Manifests: [] })],
    ['an index by a key that folds to its own', MANIFEST, manifest({ manifeſts: [] })],
    ['two types in the header', `${MANIFEST}, ${INDEX}`, manifest()],
    ['a type that is none', 'manifest', manifest()],
    ['no header', undefined, manifest()],
    ['no JSON', MANIFEST, '{'],
    ['no object', MANIFEST, '[]'],
    ['null', MANIFEST, 'null'],
    ['nothing', MANIFEST, ''],
  ])('is refused: %s', (_, mediaType, text) => {
    expect(isManifestOf(mediaType, text)).toBe(false)
  })
})

describe('where policy asks for media types', () => {
  const noIndexes: DenyAssignment = {
    name: 'no-indexes',
    principals: [principalKey({ kind: 'everyone' })],
    except: [],
    permissions: ['content/write'],
    actions: [],
    condition: {
      text: '',
      expression: {
        type: 'and',
        left: {
          type: 'exists',
          attribute: { type: 'attribute', source: 'Request', name: 'Dockgate/request:mediaType' },
        },
        right: {
          type: 'comparison',
          operator: 'StringEquals',
          left: { type: 'attribute', source: 'Request', name: 'Dockgate/request:mediaType' },
          right: { type: 'string', value: INDEX },
        },
      },
    },
    source: { file: 'test.yaml', line: 1, column: 1 },
  }
  const put = (mediaType: string, body: string) => {
    const world = createWorld({ denies: [noIndexes] })
    const headers = { 'content-type': mediaType }
    return { world, answer: world.call('PUT', '/v2/samples/app/manifests/v1', { as: 'ci', headers, body }) }
  }

  it('a manifest that says what it is passes, byte for byte', async () => {
    const { world, answer } = put(MANIFEST, manifest())
    expect((await answer).status).toBe(200)
    expect(world.seen.map(({ body }) => body)).toEqual([manifest()])
  })

  it('an index is denied by its header', async () => {
    const { world, answer } = put(INDEX, index())
    expect((await answer).status).toBe(403)
    expect(world.seen).toEqual([])
  })

  it('a manifest that is too long is refused, and the registry sees nothing', async () => {
    const { world, answer } = put(MANIFEST, manifest({ a: 'x'.repeat(MANIFEST_MAX_BYTES) }))
    expect((await answer).status).toBe(400)
    expect(world.seen).toEqual([])
  })

  it('an index in disguise is refused, and the registry sees nothing', async () => {
    const { world, answer } = put(MANIFEST, index({ mediaType: INDEX }))
    const response = await answer
    expect([response.status, (await errorOf(response)).code]).toEqual([400, 'MANIFEST_INVALID'])
    expect(world.seen).toEqual([])
  })
})
