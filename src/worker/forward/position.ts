/** Where a list goes on, as a text that a sealed cursor holds. */
import { knownQuery } from './list-query.ts'

/** A query of the upstream, and the name in its page after which to go on. */
export type Position = { readonly query: string; readonly after?: string }

/**
 * Every position of a list by names fills one block, whatever the names: a cursor's length tells nothing of a name that the
 * caller may not see. A name has 255 characters at most, and its slashes take three each in the query.
 */
const BLOCK_BYTES = 1024

/** JSON, filled up with spaces to whole blocks. */
export function formatPosition({ query, after }: Position): string {
  const text = JSON.stringify({ query, after })
  const bytes = new TextEncoder().encode(text).byteLength
  return text + ' '.repeat(Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES - bytes)
}

/** The position in an opened cursor: its query is written again from the parameters that the gate knows. */
export function readPosition(text: string): Position | undefined {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || !('query' in value) || typeof value.query !== 'string')
    return undefined
  const query = knownQuery(value.query)
  return 'after' in value && typeof value.after === 'string' ? { query, after: value.after } : { query }
}
