/**
 * Repository names, tags and digests as the OCI distribution-spec writes them ("Pulling manifests" and the image-spec's
 * "Digests"). It never looks at the disk, and it is not the gate's parser on purpose: a registry that shared the gate's
 * reading of a path would hide the gate's mistakes.
 */
declare const repositoryName: unique symbol
declare const tag: unique symbol
declare const digest: unique symbol

/** A name that passed {@link isRepositoryName}: lower case, no empty or dotted segment, safe in a file name. */
export type RepositoryName = string & { readonly [repositoryName]: true }
/** A tag that passed {@link isTag}. */
export type Tag = string & { readonly [tag]: true }
/** A digest that passed {@link isDigest}: `sha256:` or `sha512:` and the full hash in lower-case hex. */
export type Digest = string & { readonly [digest]: true }

/** Longest repository name, in characters: what clients accept for a host and a name together. */
const NAME_LIMIT = 255

const SEGMENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const NAME = new RegExp(`^${SEGMENT}(?:/${SEGMENT})*$`)
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/
const DIGEST = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/

/** Whether a text is a repository name of the OCI distribution-spec. */
export const isRepositoryName = (value: string): value is RepositoryName =>
  value.length <= NAME_LIMIT && NAME.test(value)
/** Whether a text is a tag of the OCI distribution-spec. */
export const isTag = (value: string): value is Tag => TAG.test(value)
/** Whether a text is a digest of an algorithm that this registry knows. */
export const isDigest = (value: string): value is Digest => DIGEST.test(value)

/** Hash algorithms of the digests that this registry stores and verifies. */
export type Algorithm = 'sha256' | 'sha512'
/** Whether this registry knows a digest algorithm. */
export const isAlgorithm = (value: string): value is Algorithm => value === 'sha256' || value === 'sha512'
/** The algorithm of a digest. */
export const algorithmOf = (value: Digest): Algorithm => (value.startsWith('sha512:') ? 'sha512' : 'sha256')
