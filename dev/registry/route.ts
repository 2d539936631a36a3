/**
 * The endpoint table of the OCI distribution-spec ("Endpoints"): the raw path to the one resource that it names.
 * Nothing is decoded and nothing is normalised, so a path has one reading or none.
 */
import type { Result } from '../../src/base/result.ts'
import { err, ok } from '../../src/base/result.ts'
import { isRepositoryName, type RepositoryName } from './grammar.ts'
import { type Reply, refuse } from './reply.ts'

/** What a path of the registry API names. */
export type Route =
  | { readonly kind: 'ping' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'tags' | 'uploads'; readonly name: RepositoryName }
  | {
      readonly kind: 'manifests' | 'blobs' | 'referrers' | 'upload'
      readonly name: RepositoryName
      /** Not yet validated: what is wrong with it depends on the method. */
      readonly reference: string
    }

/** Greedy, so that it reads from the right: a name may hold the word `manifests`, a reference never holds `/`. */
const RESOURCE = /^\/v2\/(.+)\/(tags\/list|blobs\/uploads\/|(blobs\/uploads|manifests|blobs|referrers)\/([^/]+))$/

/** @param path the request target up to `?`, as received */
export function parseRoute(path: string): Result<Route, Reply> {
  if (path === '/v2/') return ok({ kind: 'ping' })
  if (path === '/v2/_catalog') return ok({ kind: 'catalog' })
  const [, name = '', resource = '', collection, reference = ''] = RESOURCE.exec(path) ?? []
  if (name === '') return err(refuse(404, 'UNSUPPORTED', 'no endpoint of the registry API has this path'))
  if (!isRepositoryName(name)) return err(refuse(400, 'NAME_INVALID', 'invalid repository name', { name }))
  if (resource === 'tags/list') return ok({ kind: 'tags', name })
  if (collection === undefined) return ok({ kind: 'uploads', name })
  switch (collection) {
    case 'manifests':
    case 'blobs':
    case 'referrers':
      return ok({ kind: collection, name, reference })
    default:
      return ok({ kind: 'upload', name, reference })
  }
}
