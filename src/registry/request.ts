/**
 * The registry operations of the OCI distribution-spec 1.1 (end-1 to end-14), `_catalog` and Azure's metadata API. Only
 * {@link ./parse.ts} makes a request; only {@link ./format.ts} makes a target for the upstream.
 */
import type { Digest, RepositoryName, Tag } from './name.ts'
import type { Requirement } from './permission.ts'

/** What a manifest request names: a tag or a digest. */
export type Reference =
  | { readonly kind: 'tag'; readonly tag: Tag }
  | { readonly kind: 'digest'; readonly digest: Digest }

/** The page that a list request asks for: at most `n` names after `last`. `last` may be a name that does not exist. */
export type Paging = { readonly n?: number; readonly last?: string }

/** One parsed request. */
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
      /** More tags, from `?tag=a&tag=b`. */
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
      /** Opaque: the gate sealed it into the `Location` of an earlier response. */
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

/** Starts an upload session (end-4a), or uploads a whole blob (end-4b). */
export type StartUpload = {
  readonly operation: 'startUpload'
  readonly method: 'POST'
  readonly name: RepositoryName
  /** Present if the request has the whole blob (end-4b). */
  readonly digest?: Digest
  readonly digestAlgorithm?: string
}

/** A call of Azure's `/acr/v1/` API: one row of the table in `./acr-metadata.ts`, with its values. */
export type MetadataRequest = {
  readonly operation: 'metadata'
  readonly method: 'GET' | 'PATCH' | 'PUT' | 'POST' | 'DELETE'
  /** The canonical path with the canonical query. */
  readonly path: string
  readonly name?: RepositoryName
  /** The tag that the path names. */
  readonly tag?: Tag
  readonly requirements: readonly Requirement[]
  /** Whether the body is a lock or quarantine change. Then the needed permission depends on the body. */
  readonly attributes: boolean
}
