/** Faults: failures of what the gate depends on. A refusal is a value and never a fault. */

/** Stable codes of faults. docs/operations.md explains each of them. */
export type FaultCode =
  | 'policy_unavailable'
  | 'signing_key_unavailable'
  | 'issuer_unavailable'
  | 'upstream_unreachable'
  | 'upstream_timeout'
  | 'upstream_unauthorized'
  | 'upstream_invalid'
  | 'settings_invalid'
  | 'state_unavailable'

/**
 * A dependency of the gate failed. `code` is stable and safe to log. `cause` keeps the original error for the log and never
 * reaches a client.
 */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly code: FaultCode

  /** @param message what happened and what to do about it; never a secret */
  constructor(code: FaultCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/**
 * Writes one JSON line about an error to the log, for the operator. The client sees only the message that belongs to the
 * code.
 *
 * @param id of the request
 */
export function logFault(error: unknown, id: string): void {
  const { message, cause } = error instanceof Error ? error : new Error(String(error))
  const facts = error instanceof Fault ? { fault: error.code, message } : { fault: 'internal_error', message }
  const because = cause instanceof Error ? { cause: cause.message } : {}
  console.error(JSON.stringify({ kind: 'fault', id, ...facts, ...because }))
}
