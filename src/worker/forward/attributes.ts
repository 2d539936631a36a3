/**
 * A change of attributes through Azure's metadata API: locks and the quarantine state share one path, so what it takes
 * is in the body. The body is read, checked, and written again, so that the upstream reads what was checked.
 *
 * Source: Azure/acr `docs/preview/quarantine/readme.md`; Azure/acr-cli `docs/swagger.yaml` (`changeableAttributes`).
 */

import { isRecord } from '../../base/json.ts'
import type { MetadataRequest } from '../../registry/request.ts'
import { readText } from '../platform/read-text.ts'

/** Longest body that is read, in bytes. */
export const ATTRIBUTES_MAX_BYTES = 65_536

const QUARANTINE_KEYS: ReadonlySet<string> = new Set(['quarantinestate', 'quarantinedetails'])
const KEY = /^[A-Za-z0-9_.-]{1,128}$/

/** The two changes that one path may mean: anyone who may make neither is refused before its body is read. */
export const possibleChanges = (request: MetadataRequest): readonly MetadataRequest[] => [
  request,
  { ...request, requirements: quarantine(request) },
]

/** What a body changes, and the body to send; nothing for a body that is not a plain JSON object. */
export async function readChange(
  request: MetadataRequest,
  body: ReadableStream<Uint8Array> | null,
): Promise<{ readonly request: MetadataRequest; readonly body: string } | undefined> {
  const text = await readText(body, ATTRIBUTES_MAX_BYTES)
  if (text === undefined) return undefined
  const keys: string[] = []
  let value: unknown
  try {
    value = JSON.parse(text, (key, item: unknown) => {
      keys.push(key)
      return item
    })
  } catch {
    return undefined
  }
  if (!isRecord(value)) return undefined
  // The last key is the root's own, the empty text. Some registries read keys in any letter case, at any depth.
  keys.pop()
  if (!keys.every((key) => KEY.test(key))) return undefined
  const isQuarantine = keys.some((key) => QUARANTINE_KEYS.has(key.toLowerCase()))
  const isOnlyQuarantine = Object.keys(value).every((key) => QUARANTINE_KEYS.has(key.toLowerCase()))
  const requirements = [
    ...(isQuarantine ? quarantine(request) : []),
    ...(isQuarantine && isOnlyQuarantine ? [] : request.requirements),
  ]
  return { request: { ...request, requirements }, body: JSON.stringify(value) }
}

const quarantine = ({ name }: MetadataRequest): MetadataRequest['requirements'] => [
  { action: 'quarantine/write', ...(name === undefined ? {} : { repository: name }) },
]
