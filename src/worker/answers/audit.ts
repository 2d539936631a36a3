/**
 * The audit record: one line of JSON per request, who was allowed or refused what, and by which rule. Never holds a
 * credential, a query, or the session of an upload.
 */

import type { RegistryRequest } from '../../registry/request.ts'
import { requirements } from '../../registry/required-permissions.ts'
import { isBehindCloudflare } from '../platform/client-ip.ts'
import type { Env } from '../platform/env.ts'

/** One audit record: one line of JSON for each request. docs/operations.md explains the keys. */
export type AuditRecord = {
  /** RFC 3339, UTC. */
  readonly time: string
  /** Cloudflare's `Cf-Ray` where there is one. */
  readonly id: string
  /** `token:ci`; absent where nobody was identified. */
  readonly principal?: string | undefined
  readonly operation?: RegistryRequest['operation'] | undefined
  readonly permission?: string | undefined
  readonly repository?: string | undefined
  /** Tag or digest. */
  readonly reference?: string | undefined
  readonly decision: 'allow' | 'deny'
  /** What allowed or denied it, as kind and name. */
  readonly rule?: string | undefined
  /** Why it was refused, or what failed after it was allowed. */
  readonly reason?: string | undefined
  /** Protections that are only audited and would have refused. */
  readonly audit?: readonly string[] | undefined
  /** Serial of the policy bundle. */
  readonly bundle?: number | undefined
  readonly status: number
  readonly ms: number
}

/** Takes the record of a request. */
export type Audit = (record: AuditRecord) => void

/** Writes a record to the log, as one line of JSON. */
export const logRecord: Audit = (record) => {
  console.log(JSON.stringify(record))
}

/** The parts of a record that the request itself tells. */
export function describe(
  request: RegistryRequest,
): Pick<AuditRecord, 'operation' | 'permission' | 'repository' | 'reference'> {
  return {
    operation: request.operation,
    permission: requirements(request)[0]?.action,
    repository: 'name' in request ? request.name : undefined,
    reference: referenceOf(request),
  }
}

function referenceOf(request: RegistryRequest): string | undefined {
  if ('reference' in request) return request.reference.kind === 'tag' ? request.reference.tag : request.reference.digest
  if ('digest' in request) return request.digest
  return 'tag' in request ? request.tag : undefined
}

/** Of Cloudflare's edge where that is in front of the gate, else made up. */
export function requestId(headers: Headers, env: Pick<Env, 'CLIENT_IP_HEADER'>): string {
  const ray = isBehindCloudflare(env) ? headers.get('cf-ray') : null
  return ray !== null && /^[0-9a-f]{16}(?:-[A-Z]{3})?$/.test(ray) ? ray : crypto.randomUUID()
}
