/**
 * Reads a small JSON document of an issuer: https only, no redirect, in bounded time and size. Never sends a credential.
 */

/** The largest document that is read, in bytes. */
export const DOCUMENT_MAX_BYTES = 262_144

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Plain http reaches only this machine, for development. */
function isAllowed({ protocol, hostname, username, password }: URL): boolean {
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname))
}

/** @throws Error that says what is wrong with the address or the answer */
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
  const text = await readText(response)
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`${address} did not answer JSON`)
  }
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    // Leaving the loop cancels the rest.
    if (bytes > DOCUMENT_MAX_BYTES) throw new Error(`${response.url} is larger than ${DOCUMENT_MAX_BYTES} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}
