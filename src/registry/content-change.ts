/** What a request changes in the content of a repository: which tags it moves, and which manifests it removes. */
import type { Digest, Tag } from './name.ts'
import type { RegistryRequest } from './request.ts'
import { namedTags } from './required-permissions.ts'

/** A change of the content of a repository. Attributes, custom metadata and streaming are not content. */
export type ContentChange =
  /** A manifest is pushed, and the tags name it from then on. A push by digest names no tag. */
  | { readonly kind: 'push'; readonly tags: readonly Tag[] }
  /** A tag is removed. Some registries remove its manifest, and with it every other tag of the manifest. */
  | { readonly kind: 'deleteTag'; readonly tag: Tag }
  | { readonly kind: 'deleteManifest'; readonly digest: Digest }
  | { readonly kind: 'deleteBlob' }
  | { readonly kind: 'deleteRepository' }
  /** A deleted manifest comes back with its tags, which then may name another manifest than before. */
  | { readonly kind: 'restore' }

/** What a request changes; undefined for a request that changes no content. */
export function contentChange(request: RegistryRequest): ContentChange | undefined {
  switch (request.operation) {
    case 'pushManifest':
      return { kind: 'push', tags: namedTags(request) }
    case 'deleteManifest': {
      const { reference } = request
      return reference.kind === 'tag'
        ? { kind: 'deleteTag', tag: reference.tag }
        : { kind: 'deleteManifest', digest: reference.digest }
    }
    case 'deleteBlob':
      return { kind: 'deleteBlob' }
    case 'metadata': {
      const { method, path, name, tag } = request
      if (method === 'POST' && path.startsWith('/acr/v1/_deleted/')) return { kind: 'restore' }
      if (method !== 'DELETE' || name === undefined) return undefined
      if (path === `/acr/v1/${name}`) return { kind: 'deleteRepository' }
      return tag !== undefined && path === `/acr/v1/${name}/_tags/${tag}` ? { kind: 'deleteTag', tag } : undefined
    }
    default:
      return undefined
  }
}
