/**
 * The body of a request, never longer than the gate takes. A length that was announced is the platform's to keep; without
 * one the bytes are counted as they pass, and the stream fails before the first byte too many is sent on.
 */

/** The body of a request, with what is known of its length. */
export type RequestBody = {
  readonly stream: ReadableStream<Uint8Array> | null
  /** Length in bytes as it was announced; absent when it is not known before the end. */
  readonly bytes?: number
  /** Whether the limit was passed: known from the announced length, or as soon as too much has come. */
  readonly isTooLong: () => boolean
}

/** @param maxBytes how many bytes may pass; may be infinite */
export function requestBody({ body }: Request, headers: Headers, maxBytes: number): RequestBody {
  if (body === null) return { stream: null, isTooLong: () => false }
  const bytes = announcedLength(headers)
  if (bytes !== undefined) return { stream: body, bytes, isTooLong: () => bytes > maxBytes }
  if (maxBytes === Infinity) return { stream: body, isTooLong: () => false }
  let passed = 0
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      passed += chunk.byteLength
      if (passed > maxBytes) controller.error(new Error(`the body has more than ${maxBytes} bytes`))
      else controller.enqueue(chunk)
    },
  })
  return { stream: body.pipeThrough(counter), isTooLong: () => passed > maxBytes }
}

/** With a transfer coding the length is that of the chunks, whatever `Content-Length` says (RFC 9112 section 6.3). */
function announcedLength(headers: Headers): number | undefined {
  const length = headers.get('content-length')
  if (length === null || !/^\d{1,15}$/.test(length)) return undefined
  return headers.get('transfer-encoding') === null ? Number(length) : undefined
}
