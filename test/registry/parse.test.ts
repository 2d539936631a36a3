/** The endpoint tables: what each route asks for, needs, and becomes on the way out. Refusals stand in test/vectors. */
import { describe, expect, it } from 'vitest'
import { formatTarget } from '../../src/registry/format.ts'
import { parseRegistryRequest, requestOrigin, requestTarget } from '../../src/registry/parse.ts'
import type { RegistryRequest } from '../../src/registry/request.ts'
import { namedTags, reachesEveryTag, requirements } from '../../src/registry/required-permissions.ts'
import { formatScope, neededScope } from '../../src/registry/scope.ts'

const D = `sha256:${'a'.repeat(64)}`
const E = encodeURIComponent(D)
const SESSION = '/v2/upstream/blobs/uploads/7?_state=x'

function parse(method: string, target: string): RegistryRequest {
  const parsed = parseRegistryRequest(method, target)
  if (!parsed.ok) throw new Error(`${method} ${target} is refused: ${parsed.error.message}`)
  return parsed.value
}

const needs = (request: RegistryRequest): string =>
  requirements(request)
    .map(({ action, repository, orElse }) =>
      [action, repository === undefined ? '' : ` on ${repository}`, orElse === undefined ? '' : ` or ${orElse}`].join(
        '',
      ),
    )
    .join(', ')
const scope = (request: RegistryRequest): string => {
  const needed = neededScope(request)
  return needed === undefined ? '' : formatScope(needed)
}

const PULL = 'content/read on a/b'
const PUSH = 'content/write on a/b, content/read on a/b'
const DELETE = 'content/delete on a/b'
const LIST = 'metadata/read on a/b'
const DELETED = 'Microsoft.ContainerRegistry/registries/deleted/read'
const RESTORE = 'Microsoft.ContainerRegistry/registries/deleted/restore/action'

describe.each([
  [
    'the distribution-spec',
    [
      ['end-1', 'GET', '/v2/', 'ping', '', '', '/v2/'],
      ['end-1', 'HEAD', '/v2/', 'ping', '', '', '/v2/'],
      ['end-2', 'GET', `/v2/a/b/blobs/${D}`, 'pullBlob', PULL, 'repository:a/b:pull', `/v2/a/b/blobs/${D}`],
      ['end-2', 'HEAD', `/v2/a/b/blobs/${D}`, 'pullBlob', PULL, 'repository:a/b:pull', `/v2/a/b/blobs/${D}`],
      ['end-3', 'GET', '/v2/a/b/manifests/v1', 'pullManifest', PULL, 'repository:a/b:pull', '/v2/a/b/manifests/v1'],
      [
        'end-3',
        'HEAD',
        `/v2/a/b/manifests/${D}`,
        'pullManifest',
        PULL,
        'repository:a/b:pull',
        `/v2/a/b/manifests/${D}`,
      ],
      [
        'end-4a',
        'POST',
        '/v2/a/b/blobs/uploads/',
        'startUpload',
        PUSH,
        'repository:a/b:pull,push',
        '/v2/a/b/blobs/uploads/',
      ],
      [
        'end-4b',
        'POST',
        `/v2/a/b/blobs/uploads/?digest=${D}`,
        'startUpload',
        PUSH,
        'repository:a/b:pull,push',
        `/v2/a/b/blobs/uploads/?digest=${E}`,
      ],
      [
        'end-4c',
        'POST',
        '/v2/a/b/blobs/uploads/?digest-algorithm=sha512',
        'startUpload',
        PUSH,
        'repository:a/b:pull,push',
        '/v2/a/b/blobs/uploads/?digest-algorithm=sha512',
      ],
      ['end-5', 'PATCH', '/v2/a/b/blobs/uploads/s', 'uploadChunk', PUSH, 'repository:a/b:pull,push', SESSION],
      [
        'end-6',
        'PUT',
        `/v2/a/b/blobs/uploads/s?digest=${D}`,
        'completeUpload',
        PUSH,
        'repository:a/b:pull,push',
        `${SESSION}&digest=${E}`,
      ],
      [
        'end-7a',
        'PUT',
        '/v2/a/b/manifests/v1',
        'pushManifest',
        PUSH,
        'repository:a/b:pull,push',
        '/v2/a/b/manifests/v1',
      ],
      [
        'end-7a',
        'PUT',
        `/v2/a/b/manifests/${D}`,
        'pushManifest',
        PUSH,
        'repository:a/b:pull,push',
        `/v2/a/b/manifests/${D}`,
      ],
      [
        'end-7b',
        'PUT',
        `/v2/a/b/manifests/${D}?tag=x&tag=y`,
        'pushManifest',
        PUSH,
        'repository:a/b:pull,push',
        `/v2/a/b/manifests/${D}?tag=x&tag=y`,
      ],
      ['end-8a', 'GET', '/v2/a/b/tags/list', 'listTags', LIST, 'repository:a/b:metadata_read', '/v2/a/b/tags/list'],
      [
        'end-8b',
        'GET',
        '/v2/a/b/tags/list?n=2&last=v1',
        'listTags',
        LIST,
        'repository:a/b:metadata_read',
        '/v2/a/b/tags/list?n=2&last=v1',
      ],
      [
        'end-9',
        'DELETE',
        '/v2/a/b/manifests/v1',
        'deleteManifest',
        DELETE,
        'repository:a/b:delete',
        '/v2/a/b/manifests/v1',
      ],
      [
        'end-9',
        'DELETE',
        `/v2/a/b/manifests/${D}`,
        'deleteManifest',
        DELETE,
        'repository:a/b:delete',
        `/v2/a/b/manifests/${D}`,
      ],
      ['end-10', 'DELETE', `/v2/a/b/blobs/${D}`, 'deleteBlob', DELETE, 'repository:a/b:delete', `/v2/a/b/blobs/${D}`],
      [
        'end-11',
        'POST',
        `/v2/a/b/blobs/uploads/?mount=${D}&from=c/d`,
        'mountBlob',
        PUSH,
        'repository:a/b:pull,push',
        `/v2/a/b/blobs/uploads/?mount=${E}&from=c%2Fd`,
      ],
      [
        'end-12a',
        'GET',
        `/v2/a/b/referrers/${D}`,
        'listReferrers',
        PULL,
        'repository:a/b:pull',
        `/v2/a/b/referrers/${D}`,
      ],
      [
        'end-12b',
        'GET',
        `/v2/a/b/referrers/${D}?artifactType=a%2Fb`,
        'listReferrers',
        PULL,
        'repository:a/b:pull',
        `/v2/a/b/referrers/${D}?artifactType=a%2Fb`,
      ],
      ['end-13', 'GET', '/v2/a/b/blobs/uploads/s', 'uploadStatus', PUSH, 'repository:a/b:pull,push', SESSION],
      ['end-14', 'DELETE', '/v2/a/b/blobs/uploads/s', 'cancelUpload', PUSH, 'repository:a/b:pull,push', SESSION],
      [
        'catalog',
        'GET',
        '/v2/_catalog?n=9&last=a',
        'listCatalog',
        'catalog/read',
        'registry:catalog:*',
        '/v2/_catalog?n=9&last=a',
      ],
    ],
  ],
  [
    "Azure's metadata API",
    [
      ['catalog', 'GET', '/acr/v1/_catalog', 'listCatalog', 'catalog/read', 'registry:catalog:*'],
      ['attributes', 'GET', '/acr/v1/a/b', 'metadata', LIST, 'repository:a/b:metadata_read'],
      [
        'locks',
        'PATCH',
        '/acr/v1/a/b',
        'metadata',
        'metadata/write on a/b, metadata/read on a/b',
        'repository:a/b:metadata_read,metadata_write',
      ],
      ['delete', 'DELETE', '/acr/v1/a/b', 'metadata', DELETE, 'repository:a/b:delete'],
      ['tags', 'GET', '/acr/v1/a/b/_tags', 'metadata', LIST, 'repository:a/b:metadata_read'],
      ['tag', 'GET', '/acr/v1/a/b/_tags/v1', 'metadata', LIST, 'repository:a/b:metadata_read'],
      [
        'tag locks',
        'PATCH',
        '/acr/v1/a/b/_tags/v1',
        'metadata',
        'metadata/write on a/b',
        'repository:a/b:metadata_write',
      ],
      [
        'untag',
        'DELETE',
        '/acr/v1/a/b/_tags/v1',
        'metadata',
        'metadata/delete on a/b or content/delete',
        'repository:a/b:delete',
      ],
      ['manifests', 'GET', '/acr/v1/a/b/_manifests', 'metadata', LIST, 'repository:a/b:metadata_read'],
      ['manifest', 'GET', `/acr/v1/a/b/_manifests/${D}`, 'metadata', LIST, 'repository:a/b:metadata_read'],
      [
        'manifest locks',
        'PATCH',
        `/acr/v1/a/b/_manifests/${D}`,
        'metadata',
        'metadata/write on a/b',
        'repository:a/b:metadata_write',
      ],
      ...['', '/_tags/v1', `/_manifests/${D}`].flatMap((below) => [
        ['custom metadata', 'GET', `/acr/v1/a/b${below}/_metadata`, 'metadata', LIST, 'repository:a/b:metadata_read'],
        ['custom metadata', 'GET', `/acr/v1/a/b${below}/_metadata/k`, 'metadata', LIST, 'repository:a/b:metadata_read'],
        [
          'custom metadata',
          'PUT',
          `/acr/v1/a/b${below}/_metadata/k`,
          'metadata',
          'metadata/write on a/b',
          'repository:a/b:metadata_write',
        ],
        [
          'custom metadata',
          'DELETE',
          `/acr/v1/a/b${below}/_metadata/k`,
          'metadata',
          'metadata/delete on a/b',
          'repository:a/b:delete',
        ],
      ]),
      ['query', 'POST', '/acr/v1/a/b/_metadata/_query', 'metadata', 'metadata/read', 'registry:catalog:*'],
      ['query of all', 'POST', '/acr/v1/_metadata/_query', 'metadata', 'metadata/read', 'registry:catalog:*'],
      ['deleted catalog', 'GET', '/acr/v1/_deleted/_catalog', 'metadata', DELETED, 'registry:deleted_catalog:*'],
      ['deleted', 'GET', '/acr/v1/_deleted/a/b/_manifests', 'metadata', DELETED, 'repository:a/b:deleted_read'],
      ['deleted', 'GET', '/acr/v1/_deleted/a/b/_tags', 'metadata', DELETED, 'repository:a/b:deleted_read'],
      [
        'restore',
        'POST',
        `/acr/v1/_deleted/a/b/_manifests/${D}?force=true`,
        'metadata',
        `${DELETED}, ${RESTORE}`,
        'repository:a/b:deleted_read,deleted_restore',
      ],
      ['streaming', 'GET', '/acr/v1/a/b/_streaming', 'metadata', PULL, 'repository:a/b:pull'],
      ['streaming', 'GET', `/acr/v1/a/b/_streaming/${D}`, 'metadata', PULL, 'repository:a/b:pull'],
      ['streaming', 'POST', '/acr/v1/a/b/_streaming', 'metadata', PUSH, 'repository:a/b:pull,push'],
      ['streaming', 'POST', `/acr/v1/a/b/_streaming/${D}`, 'metadata', PUSH, 'repository:a/b:pull,push'],
      ['operation', 'GET', '/acr/v1/a/b/_operations/1', 'metadata', PULL, 'repository:a/b:pull'],
      ['cancel', 'POST', '/acr/v1/a/b/_operations/1:cancel', 'metadata', PUSH, 'repository:a/b:pull,push'],
    ],
  ],
])('the endpoints of %s', (_table, rows) => {
  it.each(rows)('%s: %s %s is %s', (_row, method = '', target = '', operation, needed, asked, sent = target) => {
    const request = parse(method, target)
    expect(request.operation).toBe(operation)
    expect(request.method).toBe(method)
    expect(needs(request)).toBe(needed)
    expect(scope(request)).toBe(asked)
    expect(formatTarget(request, SESSION)).toBe(sent)
  })

  it.each(rows.map(([, method = '', target = '']) => [method, target] as const))(
    '%s %s has no neighbour with a slash more, a letter in upper case, or an escape',
    (method, target) => {
      const [path = ''] = target.split('?')
      for (const other of [
        `${path}/`,
        `/${path}`,
        path.replace('/v', '//v'),
        path.replace('/v', '/V'),
        path.replace('/v', '/%76'),
        `${path}%00`,
        `${path};x`,
        `${path}/..`,
        `${path}\\`,
      ]) {
        expect([other, parseRegistryRequest(method, other).ok]).toEqual([other, false])
      }
    },
  )
})

describe('which tags a request reaches', () => {
  it.each([
    ['GET', '/v2/a/manifests/v1', ['v1'], false],
    ['GET', `/v2/a/manifests/${D}`, [], false],
    ['PUT', '/v2/a/manifests/v1', ['v1'], false],
    ['PUT', '/v2/a/manifests/v1?tag=v2', ['v1', 'v2'], false],
    ['PUT', `/v2/a/manifests/${D}?tag=v2&tag=v3`, ['v2', 'v3'], false],
    ['PUT', `/v2/a/manifests/${D}`, [], false],
    ['DELETE', '/v2/a/manifests/v1', ['v1'], false],
    ['DELETE', `/v2/a/manifests/${D}`, [], true],
    ['DELETE', `/v2/a/blobs/${D}`, [], true],
    ['POST', '/v2/a/blobs/uploads/', [], false],
    ['GET', '/v2/a/tags/list', [], false],
    ['DELETE', '/acr/v1/a', [], true],
    ['DELETE', '/acr/v1/a/_tags/v1', ['v1'], false],
    ['PATCH', '/acr/v1/a/_tags/v1', ['v1'], false],
    ['DELETE', '/acr/v1/a/_tags/v1/_metadata/k', ['v1'], false],
    ['DELETE', `/acr/v1/a/_manifests/${D}/_metadata/k`, [], true],
    ['GET', '/acr/v1/a/_tags', [], false],
  ])('%s %s names %j', (method, target, tags, every) => {
    expect(namedTags(parse(method, target))).toEqual(tags)
    expect(reachesEveryTag(parse(method, target))).toBe(every)
  })
})

describe('a request target', () => {
  it.each([
    ['https://gate.example/v2/', '/v2/'],
    ['https://gate.example:8443/v2/a?b=/c', '/v2/a?b=/c'],
    ['http://gate.example/v2/a/../b', '/v2/a/../b'],
    ['http://gate.example/v2/a/%2e%2e/b', '/v2/a/%2e%2e/b'],
    ['http://gate.example//v2/a', '//v2/a'],
    ['http://gate.example/v2/a\\b', '/v2/a\\b'],
    ['http://gate.example/v2/a#/manifests/v1', '/v2/a'],
    ['http://gate.example/v2/?a#b', '/v2/?a'],
    ['http://gate.example/v2/?u=http://evil.example/v2/', '/v2/?u=http://evil.example/v2/'],
    ['http://[::1]:8080/v2/', '/v2/'],
    ['http://gate.example', '/'],
    ['http://gate.example?/v2/', '/'],
    ['http://gate.example#/v2/', '/'],
    ['http://gate.example\\v2/', '/'],
    ['http://gate.example*', '/'],
    ['/v2/a?u=http://x/v2/', '/'],
    ['', '/'],
  ])('of %j is %j', (url, target) => {
    expect(requestTarget(url)).toBe(target)
  })
})

describe('the origin of a URL', () => {
  it.each([
    ['https://gate.example/v2/', 'https://gate.example'],
    ['http://127.0.0.1:8787/v2/a?b=http://else/', 'http://127.0.0.1:8787'],
    ['https://gate.example/v2/#/else', 'https://gate.example'],
    ['https://gate.example?x=//else/', 'https://gate.example'],
    ['https://gate.example#/v2/', 'https://gate.example'],
    ['https://gate.example\\else', 'https://gate.example'],
    ['/v2/', ''],
    ['', ''],
  ])('of %j is %j', (url, origin) => {
    expect(requestOrigin(url)).toBe(origin)
  })
})
