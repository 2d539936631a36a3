/**
 * Something that the gate depends on failed. `code` is stable and safe to log; `cause` keeps the original for the log's
 * reader and never reaches a client.
 */
export type FaultCode =
  | 'policy_unavailable'
  | 'signing_key_unavailable'
  | 'issuer_unavailable'
  | 'upstream_unreachable'
  | 'upstream_timeout'
  | 'upstream_unauthorized'
  | 'upstream_invalid'
  | 'settings_invalid'

export class Fault extends Error {
  override readonly name = 'Fault'
  readonly code: FaultCode

  /** @param message what happened and what to do about it; never a secret */
  constructor(code: FaultCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** One line on the log for whoever runs the gate; the client gets the code's own words alone. */
export function logFault(error: unknown, id: string): void {
  const { message, cause } = error instanceof Error ? error : new Error(String(error))
  const facts = error instanceof Fault ? { fault: error.code, message } : { fault: 'internal_error', message }
  const because = cause instanceof Error ? { cause: cause.message } : {}
  console.error(JSON.stringify({ kind: 'fault', id, ...facts, ...because }))
}
