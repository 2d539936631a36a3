/**
 * One registry operation, as the OCI distribution-spec 1.1 names it (end-1 to end-14), plus `_catalog` and Azure's
 * metadata API. The only way to get one is {@link ./parse.ts}; the only way to the upstream is {@link ./format.ts}.
 */
import type { Digest, RepositoryName, Tag } from './name.ts'
import type { Requirement } from './permission.ts'

export type Reference =
  | { readonly kind: 'tag'; readonly tag: Tag }
  | { readonly kind: 'digest'; readonly digest: Digest }

/** `n` is at most what a number holds exactly; `last` may be any name, also one that does not exist. */
export type Paging = { readonly n?: number; readonly last?: string }

export type RegistryRequest =
  | { readonly operation: 'ping'; readonly method: 'GET' | 'HEAD' }
  | {
      readonly operation: 'listCatalog'
      readonly method: 'GET'
      readonly api: 'v2' | 'acr'
      readonly paging: Paging
    }
  | {
      readonly operation: 'listTags'
      readonly method: 'GET'
      readonly name: RepositoryName
      readonly paging: Paging
    }
  | {
      readonly operation: 'listReferrers'
      readonly method: 'GET'
      readonly name: RepositoryName
      readonly digest: Digest
      readonly artifactType?: string
    }
  | {
      readonly operation: 'pullManifest'
      readonly method: 'GET' | 'HEAD'
      readonly name: RepositoryName
      readonly reference: Reference
    }
  | {
      readonly operation: 'pushManifest'
      readonly method: 'PUT'
      readonly name: RepositoryName
      readonly reference: Reference
      /** Further tags, of `?tag=a&tag=b`. */
      readonly tags: readonly Tag[]
    }
  | {
      readonly operation: 'deleteManifest'
      readonly method: 'DELETE'
      readonly name: RepositoryName
      readonly reference: Reference
    }
  | {
      readonly operation: 'pullBlob'
      readonly method: 'GET' | 'HEAD'
      readonly name: RepositoryName
      readonly digest: Digest
    }
  | {
      readonly operation: 'deleteBlob'
      readonly method: 'DELETE'
      readonly name: RepositoryName
      readonly digest: Digest
    }
  | StartUpload
  | {
      readonly operation: 'mountBlob'
      readonly method: 'POST'
      readonly name: RepositoryName
      readonly digest: Digest
      readonly from: RepositoryName
    }
  | {
      readonly operation: 'uploadStatus' | 'uploadChunk' | 'cancelUpload'
      readonly method: 'GET' | 'PATCH' | 'DELETE'
      readonly name: RepositoryName
      /** Opaque here: what the gate sealed into the `Location` it handed out. */
      readonly session: string
    }
  | {
      readonly operation: 'completeUpload'
      readonly method: 'PUT'
      readonly name: RepositoryName
      readonly session: string
      readonly digest: Digest
    }
  | MetadataRequest

export type StartUpload = {
  readonly operation: 'startUpload'
  readonly method: 'POST'
  readonly name: RepositoryName
  /** The whole blob is in this request (end-4b). */
  readonly digest?: Digest
  readonly digestAlgorithm?: string
}

/** A call of Azure's `/acr/v1/` API: a row of its table, filled in. */
export type MetadataRequest = {
  readonly operation: 'metadata'
  readonly method: 'GET' | 'PATCH' | 'PUT' | 'POST' | 'DELETE'
  /** Canonical path, with the canonical query. */
  readonly path: string
  readonly name?: RepositoryName
  /** The tag it is about, if it names one. */
  readonly tag?: Tag
  readonly requirements: readonly Requirement[]
  /** A lock or quarantine change: which permission it takes stands in the body. */
  readonly attributes: boolean
}
