/** The answer to a request that is not a registry operation: status, code and words. Which ones are refused: test/vectors. */
import { expect, it } from 'vitest'
import { parseRegistryRequest } from '../../src/registry/parse.ts'
import { invalidHost } from '../../src/registry/refusal.ts'

const DIGEST = `sha256:${'0'.repeat(64)}`

it.each([
  ['GET', '/v1/', '404 UNSUPPORTED: no registry operation has this path and the method GET'],
  [
    'GET',
    '/v2/A/tags/list',
    '400 NAME_INVALID: the repository name is not a name of the OCI distribution-spec in its canonical spelling',
  ],
  ['GET', '/v2/a/tags/list?n=x', '400 UNSUPPORTED: the query parameter n is not a whole number'],
  ['GET', '/v2/a/tags/list?n=1&n=2', '400 UNSUPPORTED: the query parameter n is given more than once'],
  ['GET', '/v2/a/tags/list?last=%ff', '400 UNSUPPORTED: the query parameter last is not valid percent-encoded UTF-8'],
  ['GET', `/v2/_catalog?last=${'a'.repeat(2000)}`, '400 UNSUPPORTED: the query parameter last is longer than any name'],
  ['GET', '/v2/a/manifests/.', '404 MANIFEST_UNKNOWN: the reference is neither a tag nor a digest'],
  ['PUT', '/v2/a/manifests/sha256:1', '400 DIGEST_INVALID: the reference is neither a tag nor a digest'],
  ['PUT', '/v2/a/manifests/v1?tag=.', '400 MANIFEST_INVALID: the query parameter tag is not a tag'],
  ['PUT', '/v2/a/manifests/v1?tag=b&tag=b', '400 MANIFEST_INVALID: the query parameter tag names the same tag twice'],
  [
    'PUT',
    `/v2/a/manifests/v1?${Array.from({ length: 11 }, (_, n) => `tag=t${n}`).join('&')}`,
    '400 MANIFEST_INVALID: the query parameter tag is given more than 10 times',
  ],
  ['GET', '/v2/a/blobs/v1', '404 BLOB_UNKNOWN: the reference is not a digest'],
  [
    'GET',
    `/v2/a/referrers/${DIGEST}?artifactType=%20`,
    '400 UNSUPPORTED: the query parameter artifactType is not a media type',
  ],
  [
    'POST',
    '/v2/a/blobs/uploads/?digest-algorithm=SHA',
    '400 UNSUPPORTED: the query parameter digest-algorithm is not a digest algorithm',
  ],
  ['POST', '/v2/a/blobs/uploads/?mount=1', '400 DIGEST_INVALID: the digest is not of the form algorithm:hex'],
  ['GET', '/v2/a/blobs/uploads/!', '404 BLOB_UPLOAD_UNKNOWN: no such upload'],
  [
    'GET',
    '/acr/v1/a/_tags?orderby=%27',
    '400 UNSUPPORTED: the query parameter orderby has a character that its values cannot have',
  ],
])('%s %s is refused', (method, target, expected) => {
  const parsed = parseRegistryRequest(method, target)
  if (parsed.ok) throw new Error('it is a request')
  const { status, code, message } = parsed.error
  expect(`${status} ${code}: ${message}`).toEqual(expected)
})

it('a request to a Host that is not a host is refused', () => {
  const { status, code, message } = invalidHost()
  expect(`${status} ${code}: ${message}`).toEqual(
    '400 UNSUPPORTED: the Host header is not a host name: send the name of this gate, and its port where it has one',
  )
})
