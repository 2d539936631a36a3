/**
 * The repository patterns of scope maps: `*`, a repository name, or `prefix/*`; one wildcard, only at the end, only after
 * a slash. `samples/*` covers every repository below `samples/`, at any depth and also future ones, and not `samples`
 * itself.
 *
 * Source: Azure "container-registry-token-based-repository-permissions", section on wildcards.
 */

import { err, ok, type Result } from '../base/result.ts'
import { parseRepositoryName, type RepositoryName } from '../registry/name.ts'

/** Every repository, one, or all below a prefix. */
export type RepositoryPattern =
  | { readonly kind: 'all' }
  | { readonly kind: 'exact'; readonly name: RepositoryName }
  /** `prefix` ends in a slash. */
  | { readonly kind: 'prefix'; readonly prefix: string }

/** Parses `*`, a repository name, or `prefix/*`. */
export function parseRepositoryPattern(text: string): Result<RepositoryPattern, 'pattern_invalid'> {
  if (text === '*') return ok({ kind: 'all' })
  const isPrefix = text.endsWith('/*')
  const name = parseRepositoryName(isPrefix ? text.slice(0, -2) : text)
  if (!name.ok) return err('pattern_invalid')
  return ok(isPrefix ? { kind: 'prefix', prefix: `${name.value}/` } : { kind: 'exact', name: name.value })
}

/** Writes what {@link parseRepositoryPattern} reads. */
export function formatRepositoryPattern(pattern: RepositoryPattern): string {
  switch (pattern.kind) {
    case 'all':
      return '*'
    case 'exact':
      return pattern.name
    case 'prefix':
      return `${pattern.prefix}*`
  }
}
