/** One request with what is needed to answer it, and the readings of its headers that several endpoints share. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Store } from './store.ts'
import type { Uploads } from './uploads.ts'

/** One request with the store that answers it. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly query: URLSearchParams
  readonly store: Store
  readonly uploads: Uploads
}

/** Whether the client already has this representation: `If-None-Match`, compared weakly (RFC 9110 section 13.1.2). */
export function notModified(headers: IncomingHttpHeaders, etag: string): boolean {
  const candidates = headers['if-none-match']?.split(',').map((candidate) => candidate.trim().replace(/^W\//, ''))
  return candidates?.some((candidate) => candidate === '*' || candidate === etag) ?? false
}

/**
 * The part of a body that `Range` asks for, with `end` exclusive; undefined for the whole. A list of ranges, and a range
 * of another version (`If-Range`), get the whole (RFC 9110 sections 14.2 and 13.1.5).
 */
export function range(
  headers: IncomingHttpHeaders,
  etag: string,
  size: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  const ifRange = headers['if-range']
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined
  if (ifRange !== undefined && ifRange !== etag) return undefined
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1)
  return start < end ? { start, end } : 'unsatisfiable'
}
