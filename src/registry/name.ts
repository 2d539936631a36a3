/**
 * Names of the OCI distribution-spec ("Pulling manifests", grammar of `<name>`, `<reference>`, `<digest>`): repository,
 * tag and digest. Only the parsers make values of these types. They never normalise.
 */
import { err, ok, type Result } from '../base/result.ts'

declare const repositoryName: unique symbol
declare const tag: unique symbol
declare const digest: unique symbol

/** A name that {@link parseRepositoryName} accepted. */
export type RepositoryName = string & { readonly [repositoryName]: true }
/** A tag that {@link parseTag} accepted. */
export type Tag = string & { readonly [tag]: true }
/** A digest that {@link parseDigest} accepted: `algorithm:encoded`. */
export type Digest = string & { readonly [digest]: true }

/** The longest repository name, in characters. Clients count the registry's host into the same 255. */
export const NAME_MAX_LENGTH = 255

const COMPONENT = '[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*'
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`)
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/
const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]{1,256}$/
const DIGEST_LENGTHS: ReadonlyMap<string, RegExp> = new Map([
  ['sha256', /^[a-f0-9]{64}$/],
  ['sha512', /^[a-f0-9]{128}$/],
])

/** Parses a repository name of at most {@link NAME_MAX_LENGTH} characters. */
export function parseRepositoryName(text: string): Result<RepositoryName, 'name_invalid'> {
  return text.length <= NAME_MAX_LENGTH && REPOSITORY.test(text) ? ok(text as RepositoryName) : err('name_invalid')
}

/** Parses a tag of at most 128 characters. */
export function parseTag(text: string): Result<Tag, 'tag_invalid'> {
  return TAG.test(text) ? ok(text as Tag) : err('tag_invalid')
}

/** Parses a digest. The hash of sha256 and sha512 must have its exact length, in lower-case hexadecimal. */
export function parseDigest(text: string): Result<Digest, 'digest_invalid'> {
  if (!DIGEST.test(text)) return err('digest_invalid')
  const colon = text.indexOf(':')
  const encoded = DIGEST_LENGTHS.get(text.slice(0, colon))
  return encoded === undefined || encoded.test(text.slice(colon + 1)) ? ok(text as Digest) : err('digest_invalid')
}
