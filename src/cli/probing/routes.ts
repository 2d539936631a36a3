/**
 * Every route of a registry, and of Azure's metadata API, as questions about one repository. None of them could change
 * what is there, even where a broken gate let it through: references are made up, and what would reach a whole repository
 * is asked only of one that does not exist.
 */
import type { Question } from './wire.ts'

/** A repository that requests of a probe name. */
export type Repository = {
  readonly name: string
  /** It may exist: nothing is asked that could change it. */
  readonly isReal: boolean
}

const TAG = 'dockgate-probe'
/** Of nothing: 32 zero bytes are the SHA-256 of no known text. */
const DIGEST = `sha256:${'0'.repeat(64)}`
const SESSION = 'dockgate-probe'
const EMPTY_CHANGE = '{}'
const JSON_TYPE = { 'content-type': 'application/json' }

/** Routes without a repository. `GET /v2/` is asked by itself: a good credential needs no right for it. */
export const REGISTRY_ROUTES: readonly Question[] = [
  { method: 'GET', target: '/v2/_catalog' },
  { method: 'GET', target: '/v2/_catalog?n=1&last=a' },
  { method: 'GET', target: '/acr/v1/_catalog' },
  { method: 'GET', target: '/acr/v1/_deleted/_catalog' },
  { method: 'POST', target: '/acr/v1/_metadata/_query', headers: JSON_TYPE, body: EMPTY_CHANGE },
]

/** A request for each operation on a repository. */
export const routesOf = ({ name, isReal }: Repository): readonly Question[] => [
  ...registryRoutes(name),
  ...metadataRoutes(name),
  ...(isReal ? [] : wholeRepositoryRoutes(name)),
]

function registryRoutes(name: string): readonly Question[] {
  const repository = `/v2/${name}`
  const uploads = `${repository}/blobs/uploads`
  return [
    ...[TAG, DIGEST].flatMap((reference) =>
      ['GET', 'HEAD', 'PUT', 'DELETE'].map((method) => ({ method, target: `${repository}/manifests/${reference}` })),
    ),
    { method: 'PUT', target: `${repository}/manifests/${DIGEST}?tag=${TAG}&tag=${TAG}-2` },
    ...['GET', 'HEAD', 'DELETE'].map((method) => ({ method, target: `${repository}/blobs/${DIGEST}` })),
    { method: 'POST', target: `${uploads}/` },
    { method: 'POST', target: `${uploads}/?digest=${DIGEST}` },
    { method: 'POST', target: `${uploads}/?mount=${DIGEST}&from=${name}` },
    { method: 'GET', target: `${uploads}/${SESSION}` },
    { method: 'PATCH', target: `${uploads}/${SESSION}` },
    { method: 'PUT', target: `${uploads}/${SESSION}?digest=${DIGEST}` },
    { method: 'DELETE', target: `${uploads}/${SESSION}` },
    { method: 'GET', target: `${repository}/tags/list` },
    { method: 'GET', target: `${repository}/referrers/${DIGEST}` },
  ]
}

function metadataRoutes(name: string): readonly Question[] {
  const repository = `/acr/v1/${name}`
  const change = { headers: JSON_TYPE, body: EMPTY_CHANGE }
  const parents = [`${repository}/_tags/${TAG}`, `${repository}/_manifests/${DIGEST}`]
  return [
    { method: 'GET', target: repository },
    { method: 'GET', target: `${repository}/_tags` },
    { method: 'GET', target: `${repository}/_manifests` },
    { method: 'DELETE', target: `${repository}/_tags/${TAG}` },
    ...parents.flatMap((target) => [
      { method: 'GET', target },
      { method: 'PATCH', target, ...change },
    ]),
    ...[repository, ...parents].flatMap((parent) => [
      { method: 'GET', target: `${parent}/_metadata` },
      { method: 'GET', target: `${parent}/_metadata/${TAG}` },
      { method: 'DELETE', target: `${parent}/_metadata/${TAG}` },
    ]),
    { method: 'POST', target: `${repository}/_metadata/_query`, ...change },
    { method: 'GET', target: `/acr/v1/_deleted/${name}/_manifests` },
    { method: 'GET', target: `/acr/v1/_deleted/${name}/_tags` },
    { method: 'POST', target: `/acr/v1/_deleted/${name}/_manifests/${DIGEST}` },
    { method: 'GET', target: `${repository}/_streaming` },
    { method: 'GET', target: `${repository}/_streaming/${DIGEST}` },
    { method: 'POST', target: `${repository}/_streaming/${DIGEST}` },
    { method: 'GET', target: `${repository}/_operations/${TAG}` },
    { method: 'POST', target: `${repository}/_operations/${TAG}:cancel` },
  ]
}

function wholeRepositoryRoutes(name: string): readonly Question[] {
  const repository = `/acr/v1/${name}`
  return [
    { method: 'DELETE', target: repository },
    { method: 'PATCH', target: repository, headers: JSON_TYPE, body: EMPTY_CHANGE },
    { method: 'POST', target: `${repository}/_streaming` },
    ...[repository, `${repository}/_tags/${TAG}`, `${repository}/_manifests/${DIGEST}`].map((parent) => ({
      method: 'PUT',
      target: `${parent}/_metadata/${TAG}`,
    })),
  ]
}

/** Other spellings of what is refused, and what is not a route at all. */
export const nonCanonicalRoutes = (name: string): readonly Question[] =>
  [
    `//v2/${name}/tags/list`,
    `/v2//${name}/tags/list`,
    `/v2/${name}//tags/list`,
    `/v2/./${name}/tags/list`,
    `/v2/public/../${name}/tags/list`,
    `/v2/public/%2e%2e/${name}/tags/list`,
    `/v2/public%2f..%2f${name}/tags/list`,
    `/v2/public\\..\\${name}/tags/list`,
    `/v2/public/..;/${name}/tags/list`,
    `/v2/public/%252e%252e/${name}/tags/list`,
    `/v2/${name}/tags/list/`,
    `/v2/${name}/tags/list;x`,
    `/v2/${name}/tags/list%00`,
    `/V2/${name}/tags/list`,
    `/%76%32/${name}/tags/list`,
    '//v2/_catalog',
    '/v2//_catalog',
    '/v2/_catalog/',
    '/v2/x/../_catalog',
    '/v2/%5fcatalog',
    '/v1/_ping',
    '/v1/search?q=a',
    '/debug/vars',
    '/metrics',
    '/api/v2.0/projects',
  ].map((target) => ({ method: 'GET', target }))
