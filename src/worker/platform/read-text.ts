/** The only readers of whole bodies. Bodies that may be large are streamed and never read here. */

/**
 * The whole text of a body, without a byte order mark. An absent body is the empty text.
 *
 * @returns undefined if the body is longer than `maxBytes` or is not UTF-8; the rest of a longer body is cancelled
 * @throws the error of a stream that breaks
 */
export async function readText(body: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<string | undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
  // Only errors of the decoder mean that the text is not UTF-8. Errors of the stream are left to the caller.
  const decode = (chunk?: Uint8Array): string | undefined => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined })
    } catch {
      return undefined
    }
  }
  let text = ''
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength
    const part = bytes > maxBytes ? undefined : decode(chunk)
    if (part === undefined) return undefined
    text += part
  }
  const rest = decode()
  return rest === undefined ? undefined : text + rest
}

/**
 * The bytes of a body. An absent body has none.
 *
 * @returns undefined if the body is longer than `maxBytes`; the rest of it is cancelled
 * @throws the error of a stream that breaks
 */
export async function readBytes(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<ArrayBuffer | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body ?? []) {
    length += chunk.byteLength
    if (length > maxBytes) return undefined
    chunks.push(chunk)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes.buffer
}
