/**
 * Reads a small JSON document of an issuer: https only, no redirect, in bounded time and size. Never sends a credential.
 */
import { readText } from '../../platform/read-text.ts'

/** Size limit of a document. */
export const DOCUMENT_MAX_BYTES = 262_144

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Plain http is allowed only to the local machine, for development. */
function isAllowed({ protocol, hostname, username, password }: URL): boolean {
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname))
}

/**
 * The parsed document.
 *
 * @param signal ends the request after a timeout
 * @throws Error that says what is wrong with the address or the response
 */
export async function fetchJson(address: string, signal: AbortSignal): Promise<unknown> {
  const url = URL.parse(address)
  if (url === null || !isAllowed(url)) throw new Error(`${address} is not an https URL`)
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'manual',
    cache: 'no-store',
    signal,
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`${address} answered ${response.status || 'with a redirect'}, and 200 was expected`)
  }
  const text = await readText(response.body, DOCUMENT_MAX_BYTES)
  if (text === undefined) throw new Error(`${address} is larger than ${DOCUMENT_MAX_BYTES} bytes, or is not UTF-8`)
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`${address} did not answer JSON`)
  }
}
